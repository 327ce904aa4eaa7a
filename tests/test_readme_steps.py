"""README's steps followed: its blocks as they stand, with an application's own values where a reader puts theirs."""

import asyncio
import re
import textwrap
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.simulator.platform.apps import App, invent_app, invent_bot
from adapters.simulator.simulator import WeComSimulator
from tests.web.shell import webot
from web.http.server import serving
from web.listeners import bind
from web.settings.addresses import addresses_of
from web.settings.loading import load

ROOT = Path(__file__).parents[1]
PAGES = [("README.md", "Connect a self-built application", "en"), ("README.zh-CN.md", "接入自建应用", "zh")]


BOTS = [("README.md", "Connect an AI bot", "en"), ("README.zh-CN.md", "接入智能机器人", "zh")]
FIRST_SCREEN_LINES = 30


def toml_of(page: str, heading: str) -> list[str]:
    """Give the TOML blocks of one section of a page."""
    return blocks_of(page, heading, "toml")


def blocks_of(page: str, heading: str, language: str) -> list[str]:
    """Give the blocks of one section of a page that are in some language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in blocks]


def filled(block: str, app: App) -> str:
    """Give the block with an application's values, as a reader copies them from the admin console."""
    for key in ("corp_id", "agent_id", "secret", "token", "encoding_aes_key"):
        value = getattr(app, key)
        written = value if isinstance(value, int) else f'"{value}"'
        block, count = re.subn(rf"^{key} = .*$", f"{key} = {written}", block, flags=re.MULTILINE)
        assert 1 == count, key
    return block


@pytest.mark.parametrize(("page", "heading", "language"), PAGES)
async def test_an_application_is_connected_by_the_blocks_of_the_readme(
    tmp_path: Path, page: str, heading: str, language: str
) -> None:
    keys, address = toml_of(page, heading)
    (spoken,) = toml_of(page, {"en": "Start", "zh": "启动"}[language])
    async with WeComSimulator([invent_app()]) as simulator:
        app = simulator.app()
        (tmp_path / ".secrets.toml").write_text(filled(keys, app), encoding="utf-8")
        (tmp_path / "settings.local.toml").write_text(
            f"{address}\n{spoken if language == 'en' else ''}", encoding="utf-8"
        )
        # What stands for the machine of the reader alone: free ports, its folder, and the address of its WeCom.
        environ = {
            "WEBOT_SERVER__PORT": "0",
            "WEBOT_CONSOLE__PORT": "0",
            "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
            "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data"),
            "WEBOT_CHANNELS__WECOM__API_BASE": simulator.url,
        }
        loaded = await asyncio.to_thread(load, tmp_path, environ)
        listeners = bind(addresses_of(loaded))
        path = urlsplit(re.findall(r"URL `(\S+)`", (ROOT / page).read_text(encoding="utf-8"))[0]).path
        simulator.register(replace(app, callback_url=f"{listeners.url}{path}"))
        async with serving(loaded, listeners):
            saved = await simulator.verify_url()
            pushed = await webot("menu", "push", folder=tmp_path, environ=environ)
            phone = simulator.phone("zhangsan")
            await phone.say("@help")
            (answer,) = await phone.texts()

    assert saved.ok
    assert 0 == pushed.code
    assert {"en": "Commands", "zh": "快捷指令"}[language] == simulator.menu()[0]["name"]
    assert {"en": "Hello, I am webot", "zh": "您好，我是 webot"}[language] in answer


@pytest.mark.parametrize(("page", "heading", "language"), BOTS)
async def test_a_bot_is_connected_by_the_three_steps_of_the_first_screen(
    tmp_path: Path, page: str, heading: str, language: str
) -> None:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    (command,) = blocks_of(page, heading, "sh")
    program, verb = command.split()
    async with WeComSimulator() as simulator:
        bot = simulator.register(invent_bot())
        answers = {"bot-id": bot.bot_id, "secret": bot.secret, "provider": "demo", "connection-url": simulator.bot_url}
        answers |= {"channel": "bot", "mode": "connection"}
        given = [word for option, value in answers.items() for word in (f"--{option}", value)]
        environ = {
            "WEBOT_SERVER__PORT": "0",
            "WEBOT_CONSOLE__PORT": "0",
            "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
            "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data"),
            "WEBOT_CHAT__LANGUAGE": language,
        }
        ran = await webot(verb, *given, folder=tmp_path, environ=environ)
        loaded = await asyncio.to_thread(load, tmp_path, environ)
        async with serving(loaded, bind(addresses_of(loaded))):
            await simulator.bots.connected(bot)
            phone = simulator.phone("zhangsan", agent_id=bot.agent_id)
            await phone.say("@help")
            (answer,) = await phone.texts()

    assert lines.index(f"## {heading}") < FIRST_SCREEN_LINES
    assert (".venv/bin/webot", 0) == (program, ran.code), ran.err
    assert {"en": "Hello, I am webot", "zh": "您好，我是 webot"}[language] in answer
