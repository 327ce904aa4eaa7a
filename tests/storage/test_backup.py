"""A backup and its restore, made by the very commands of docs/operators.md while the service runs."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import pytest

from adapters.simulator.phone import Phone
from tests.databases import create_postgres_database, place_migrated_file
from tests.fakes.openai_server import OpenAIServer, Says
from tests.fakes.postgres import programs_of_postgres
from tests.fakes.recordings import picture
from tests.service import RunningService, running_service

DOCS = Path(__file__).parents[2] / "docs"
SECTIONS = {"operators.md": "## Backups\n", "operators.zh-CN.md": "## 备份\n"}

# What the command does, for a machine that has SQLite's library alone.
SQLITE3 = f"""#!{sys.executable}
import re, sqlite3, sys
to = re.fullmatch(r"\\.backup '(.*)'", sys.argv[2])[1]
sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(to))
"""


def documented(page: str) -> dict[tuple[str, str], str]:
    """Give the commands by what they do and with which database."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(SECTIONS[page])[2].partition("\n## ")[0]
    names = [("backup", "sqlite"), ("backup", "postgresql"), ("restore", "sqlite"), ("restore", "postgresql")]
    return dict(zip(names, re.findall(r"```sh\n(umask 077\n.*?)```", text, re.DOTALL), strict=True))


@dataclass
class Host:
    """A machine's folder of webot's own, with its database."""

    folder: Path
    url: str
    model: OpenAIServer

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            "WEBOT_STORAGE__DATABASE_URL": self.url,
            "WEBOT_MODELS__DEFAULT__BASE_URL": self.model.base_url,
            "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
            "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
            "WEBOT_MODELS__DEFAULT__VISION": "true",
        }

    async def run(self, commands: str, backup: Path, programs: Path) -> None:
        """Run commands of the page in this folder, `/backup` being elsewhere."""
        path = f"{programs}:{programs_of_postgres()}:{os.environ['PATH']}"
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-euc",
            commands.replace("/backup", str(backup)),
            cwd=self.folder,
            env={"PATH": path, "DATABASE_URL": self.url},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert 0 == process.returncode, said.decode()


async def host(folder: Path, kind: str, server: str, model: OpenAIServer, *, migrated: bool) -> Host:
    await asyncio.to_thread(folder.mkdir)
    if kind == "sqlite":
        if migrated:
            await asyncio.to_thread((folder / "data").mkdir, mode=0o700)
            await asyncio.to_thread(place_migrated_file, folder / "data" / "webot.db")
        return Host(folder, f"sqlite:///{folder}/data/webot.db", model)
    name = f"webot_{token_hex(6)}"
    await create_postgres_database(server, name, migrated=migrated)
    return Host(folder, f"postgresql://postgres@/{name}?host={server}", model)


def readable_by_others(folder: Path) -> list[str]:
    return [str(each) for each in (folder, *folder.rglob("*")) if each.stat().st_mode & 0o077]


async def talk(service: RunningService, model: OpenAIServer) -> Phone:
    """Have a person say something, and ask about a picture."""
    phone = service.phone()
    model.script(Says("我记住了：蓝色。"), Says("一片红色"))
    await phone.say("我最喜欢的颜色是蓝色")
    await phone.texts(count=1)
    await phone.send_image(picture("PNG"))
    await phone.texts(count=2)
    await phone.say("这是什么")
    await phone.texts(count=3)
    return phone


async def conversation(service: RunningService) -> str:
    """Give what the console has of all that was said."""
    found, *_ = (await service.console.get("/api/v1/conversations")).json()["items"]
    whole = await service.console.get(f"/api/v1/conversations/{found['conversation']}")
    assert 200 == whole.status_code, whole.text
    return whole.text


def test_both_pages_have_the_same_commands() -> None:
    first, second = (documented(page) for page in SECTIONS)

    assert first == second


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_service_restored_as_the_page_says_answers_with_its_history(
    tmp_path: Path, postgres_server: str, kind: str
) -> None:
    commands = await asyncio.to_thread(documented, "operators.md")
    programs, backup = tmp_path / "programs", tmp_path / "backup"
    programs.mkdir()
    backup.mkdir(mode=0o700)
    if shutil.which("sqlite3") is None:
        await asyncio.to_thread(install, programs / "sqlite3")
    async with OpenAIServer() as model:
        before = await host(tmp_path / "before", kind, postgres_server, model, migrated=True)
        own = before.folder / "data" / "chains" / "pirate.toml"
        own.parent.mkdir(parents=True, mode=0o700)
        await asyncio.to_thread(own.write_text, 'command = "@pirate"\nsystem_prompt = "Ahoy"\n')
        own.chmod(0o600)
        async with running_service(before.folder, before.environ) as service:
            phone = await talk(service, model)
            said = await conversation(service)
            # Not stopped first: that is what the page promises.
            await before.run(commands["backup", kind], backup, programs)
            await phone.say("这句在备份之后")
            await phone.texts(count=4)

        after = await host(tmp_path / "after", kind, postgres_server, model, migrated=False)
        await after.run(commands["restore", kind], backup, programs)
        open_to_others = readable_by_others(backup) + readable_by_others(after.folder / "data")
        kept = sorted(each.name for each in (before.folder / "data" / "media").rglob("*") if each.is_file())
        restored = {each.name for each in (after.folder / "data" / "media").rglob("*") if each.is_file()}
        model.asked.clear()
        async with running_service(after.folder, after.environ) as service:
            assert said == await conversation(service)
            phone = service.phone()
            model.script(Says("蓝色。"), Says("Arr."))
            await phone.say("我最喜欢什么颜色？")
            answers = await phone.texts(count=1)
            await phone.say("@pirate 你好")
            answers = await phone.texts(count=2)
            ready = (await service.http.get("/readyz")).status_code
        asked = [[message["content"] for message in body["messages"]] for body in model.bodies]

    assert ["蓝色。", "Arr."] == answers
    assert ["我最喜欢的颜色是蓝色", "我记住了：蓝色。"] == asked[0][-5:-3]
    assert ["image_url", "text"] == [part["type"] for part in asked[0][-3]]
    assert ["一片红色", "我最喜欢什么颜色？"] == asked[0][-2:]
    assert "Ahoy" == asked[1][0]
    assert "这句在备份之后" not in str(asked)
    assert kept
    assert set(kept) <= restored
    assert 200 == ready
    assert [] == open_to_others


def install(program: Path) -> None:
    program.write_text(SQLITE3)
    program.chmod(0o700)
