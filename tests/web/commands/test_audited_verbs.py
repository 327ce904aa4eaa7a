"""Every verb of the shell: one that changes something or shows what was said is in the audit once, by who called it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import click
import pytest

import web.commands
from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from pipeline.answer import Provenance
from pipeline.events import Person
from storage.conversations.audit import deeds, operator
from storage.conversations.audit_actions import Action
from storage.database.access import open_for_cli
from storage.database.tables import inbox
from tests.fakes.openai_server import OpenAIServer
from tests.service import running_service
from tests.storage.search.saying import NOON, rate, say
from tests.web.credentials import credentials
from tests.web.shell import webot
from web.cli import Verbs

PASSWORD = "correct horse battery"
CHAIN = 'command = "@hr"\nsystem_prompt = "You are HR."\n'

DEEDS: Mapping[str, tuple[str, Action]] = {
    "chains test": ("hr", "chain_test"),
    "chains publish": ("hr --author somebody", "chain_release"),
    "chains rollback": ("default shipped", "chain_release"),
    "chains trials end": ("default", "chain_release"),
    "chains replay": ("default --last 5", "chain_replay"),
    "chains ratings": ("default", "list"),
    "console user add": (f"boss --role operator --password {PASSWORD.replace(' ', '-')}", "user_add"),
    "console user role": ("li operator", "user_role"),
    "console user password": (f"li --password {PASSWORD.replace(' ', '+')}", "user_password"),
    "console user sign-out": ("li", "user_sign_out"),
    "console user remove": ("li", "user_remove"),
    "export": ("--out all.zip --user lisi", "export"),
    "import-legacy": ("--database old.db", "import"),
    "menu push": ("--channel wecom", "menu_push"),
    "menu delete": ("--channel wecom", "menu_push"),
    "models set": ("fast --model m --base-url http://127.0.0.1:9/v1", "model_edit"),
    "models remove": ("fast", "model_remove"),
    "token create": ("ci --role reader --days 3", "token_create"),
    "token revoke": ("ci", "token_revoke"),
    "turns show": ("1 --words", "read"),
    "turns retry": ("--all-failed", "retry"),
    "forget": ("wangwu --yes", "forget"),
}
"""Verbs with what they are called with, in an order in which each finds what it needs."""

BEFORE: Mapping[str, str] = {
    "chains trials end": "chains publish default --share 10",
    "console user role": f"console user add li --role reader --password {PASSWORD.replace(' ', '-')}",
}
"""What is called first, and not looked at."""

LEAVES_NOTHING: Mapping[str, str] = {
    "audit": "shows the audit itself",
    "chains check": "looks at files",
    "chains diff": "looks at files and revisions",
    "chains history": "shows releases",
    "chains list": "shows chains",
    "chains show": "shows a chain",
    "chains trials": "shows releases",
    "chains try": "asks a model one question, and keeps nothing",
    "chat": "is a member of the simulator, who is nobody's account",
    "check": "looks at the settings",
    "console user list": "shows names and roles",
    "console-password": "prints a line for the settings, and writes nothing",
    "doctor": "looks around",
    "init": "writes the settings of a deployment that has no database yet",
    "menu show": "shows what WeCom has",
    "migrate": "brings the tables up as each start does; what is in them stays what it was",
    "models list": "shows models",
    "models test": "asks a model",
    "serve": "is the service",
    "simulate": "belongs to the simulator",
    "token list": "shows names and roles",
    "turns": "shows numbers, names and reasons",
    "usage": "shows counts",
    "version": "shows the version",
}


def every_verb() -> set[str]:
    """Give every verb that does something."""
    root = Verbs(web.commands)
    context = click.Context(root)
    found: set[str] = set()
    waiting: list[tuple[str, click.Command | None]] = [
        (name, root.get_command(context, name)) for name in root.list_commands(context)
    ]
    for path, command in waiting:
        assert command is not None
        if isinstance(command, click.Group):
            waiting += [(f"{path} {name}", below) for name, below in command.commands.items()]
        if not isinstance(command, click.Group) or command.invoke_without_command:
            found.add(path)
    return found


@pytest.fixture
async def environ(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """The settings of a deployment in which something was said, rated and not answered, without its service."""
    async with WeComSimulator([invent_app()]) as simulator, OpenAIServer() as model:
        given = {
            "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
            "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
            "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
            "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
            "WEBOT_REPLAY__USERS": '["*"]',
        }
        async with running_service(tmp_path, given) as service:
            await service.phone("lisi").say("多少天年假？")
            await service.phone("lisi").texts(count=1)
            by = Provenance("default", "r1", "qwen-max", input_tokens=3, output_tokens=4)
            database = service.service.database
            await say(database, "年假怎么算？", "五天。", person=Person("wecom", "wangwu"), by=by, at=NOON)
            await rate(database, good=False, person=Person("wecom", "wangwu"))
        await asyncio.to_thread(_write_files, tmp_path)
        yield given | credentials(simulator.app(1000002), simulator.url)


def _write_files(folder: Path) -> None:
    for name in ("hr", "default"):
        file = folder / "data" / "chains" / "drafts" / f"{name}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CHAIN if name == "hr" else 'description = "chat"\nsystem_prompt = "Be brief."\n')
    roles = (("user", "问"), ("assistant", "答"))
    said = json.dumps({"Key": "x", "Context": [{"role": role, "content": text} for role, text in roles]})
    with closing(sqlite3.connect(folder / "old.db")) as old, old:
        old.execute("CREATE TABLE user (id INTEGER, name, sys_prompt, update_time)")
        old.execute("CREATE TABLE context (id INTEGER, name, context_msg, update_time)")
        old.execute("INSERT INTO context VALUES (1, 'zhaoliu', ?, 1682913600000)", (said,))


async def _fail_turns(url: str) -> None:
    async with open_for_cli(url) as database, database.write() as connection:
        await connection.execute(inbox.update().values(state="failed"))


async def _rows(url: str) -> Sequence[tuple[int, str, str]]:
    async with open_for_cli(url) as database:
        return [(deed.id, deed.who, deed.action) for deed in await deeds(database, limit=1000)]


async def test_each_verb_that_changes_something_or_shows_words_is_in_the_audit_once_by_who_called_it(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    assert await asyncio.to_thread(every_verb) == DEEDS.keys() | LEAVES_NOTHING.keys()
    assert set() == DEEDS.keys() & LEAVES_NOTHING.keys()
    url, noted = environ["WEBOT_STORAGE__DATABASE_URL"], {}
    for verb, (args, _) in DEEDS.items():
        if verb == "turns retry":
            await _fail_turns(url)
        if verb in BEFORE:
            first = await webot(*BEFORE[verb].split(), folder=tmp_path, environ=environ)
            assert 0 == first.code, first.err
        before = {row[0] for row in await _rows(url)}
        ran = await webot(*verb.split(), *args.split(), folder=tmp_path, environ=environ)
        assert 0 == ran.code, f"{verb}: {ran.out}{ran.err}"
        noted[verb] = [row[1:] for row in await _rows(url) if row[0] not in before]

    assert {verb: [(operator(), action)] for verb, (_, action) in DEEDS.items()} == noted


async def test_chains_are_tested_where_there_is_no_database(tmp_path: Path, environ: dict[str, str]) -> None:
    elsewhere = environ | {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    ran = await webot("chains", "test", "hr", folder=tmp_path, environ=elsewhere)

    assert 0 == ran.code, ran.err
    assert not (tmp_path / "none.db").exists()
