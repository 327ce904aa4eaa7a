"""Being forgotten: by a person in the chat, asked twice, and by an operator in the shell."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from pipeline.events import Person
from pipeline.text.i18n import Catalogue
from storage.database.engine import Database
from storage.database.tables import metadata
from tests.service import RunningService, running_service
from tests.web.shell import webot

ZH = Catalogue("zh")
WORDS = "我的秘密是西瓜"


async def holds(database: Database, words: str) -> bool:
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            if any(words in str(row) for row in await connection.execute(select(table))):
                return True
    return False


async def bytes_with(folder: Path, marker: str) -> list[str]:
    """Name the files of a folder in which a text occurs, whatever kind they are of."""

    def look() -> list[str]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(folder).as_posix() for path in files if marker.encode() in path.read_bytes())

    return await asyncio.to_thread(look)


async def remember_trials(service: RunningService, folder: Path) -> None:
    """Leave what trials in the console and in the shell keep of what somebody asked, and an export of it."""
    draft = {"text": 'description = "chat"\nsystem_prompt = "Be brief."\n'}
    made = await service.console.put("/api/v1/chains/default/draft", json=draft, headers={"If-None-Match": "*"})
    assert made.is_success, made.text
    # Followed to the end of each.
    replayed = await service.console.post("/api/v1/chains/default/replay", json={"last": 3})
    tried = await service.console.post("/api/v1/chains/default/try", json={"text": WORDS})
    assert f"{WORDS} 12" in replayed.text
    assert WORDS in tried.text
    exported = await service.console.post("/api/v1/exports", json={"format": "csv"})
    await service.service.jobs.finished(exported.json()["id"])
    assert 1 == len(await exports_in(folder))


async def exports_in(folder: Path) -> list[str]:
    return await asyncio.to_thread(lambda: [each.name for each in (folder / "data" / "exports").glob("*/*.zip")])


@pytest.mark.parametrize("by", ["the person", "an operator"])
async def test_no_byte_of_it_is_left_while_the_service_runs(tmp_path: Path, by: str) -> None:
    environ = {
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data"),
    }
    async with running_service(tmp_path, {"WEBOT_REPLAY__USERS": '["*"]'}) as service:
        phone, other = service.phone(), service.phone("lisi")
        await other.say("李四的事")
        await other.texts(count=1)
        for number in range(1, 13):
            await phone.say(f"{WORDS} {number} {'字' * 400}")
            await phone.texts(count=number)
        await phone.say("@export txt")
        await phone.messages(count=14, within=30)
        await remember_trials(service, tmp_path)
        before = await bytes_with(tmp_path, WORDS)
        if by == "the person":
            await phone.say("@forget")
            await phone.texts(count=15)
            await phone.say("@forget yes")
            assert ZH.text("forget.done") == (await phone.texts(count=16))[-1]
        else:
            ran = await webot("forget", "zhangsan", "--yes", folder=tmp_path, environ=environ)
            assert (0, "删除了 1 个对话、24 条消息") == (ran.code, ran.err.splitlines()[-1])
            # The service looks for it by itself every few seconds.
            await service.service.jobs.drop_outdated()
        after, exported = await bytes_with(tmp_path, WORDS), await exports_in(tmp_path)
        others = await bytes_with(tmp_path, "李四的事")

    assert "webot.db-wal" in before
    assert any(name.startswith("data/cache/tried/") for name in before)
    assert any(name.startswith("data/media/") for name in before)
    assert ([], []) == (after, exported)
    # Another's words stay, in the file and perhaps in its log as well.
    assert "webot.db" in others


async def test_the_name_of_a_person_is_never_written_beside_the_database(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text('[chat]\nsystem_prompt = "{{ name }}"\n', encoding="utf-8")
    async with running_service(tmp_path, {"WEBOT_LIMITS__DEPARTMENTS": "[1]"}) as service:
        opened = service.service.channels["wecom"]
        profile = await opened.channel.profile(Person("wecom", "zhangsan"))
        await opened.forget(Person("wecom", "zhangsan"))

        assert profile.name
        assert [] == await bytes_with(tmp_path / "data", profile.name)


async def talk(service: RunningService) -> None:
    phone = service.phone()
    await phone.say(WORDS)
    await phone.texts(count=1)
    await phone.say("@export txt")
    await phone.messages(count=3, within=30)


async def test_a_person_is_forgotten_when_they_have_said_so_twice(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        await talk(service)
        phone = service.phone()
        await phone.say("@forget")
        (asked,) = (await phone.texts(count=4))[3:]
        still = await holds(service.service.database, WORDS)
        await phone.say("@忘记我 确认")
        (done,) = (await phone.texts(count=5))[4:]
        gone = not await holds(service.service.database, WORDS)
        await phone.say("@history")
        (after,) = (await phone.texts(count=6))[5:]

    assert still
    assert gone
    assert "无法恢复" in asked
    assert ZH.text("forget.done") == done
    assert ZH.text("history.none") == after


async def test_an_operator_forgets_a_person_beside_the_running_service(tmp_path: Path) -> None:
    environ = {
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data"),
    }
    async with running_service(tmp_path) as service:
        await talk(service)
        refused = await webot("forget", "zhangsan", folder=tmp_path, environ=environ)
        still = await holds(service.service.database, WORDS)
        ran = await webot("forget", "ZhangSan", "--yes", folder=tmp_path, environ=environ)
        gone = not await holds(service.service.database, WORDS)
        files = [path for path in (tmp_path / "data" / "media").glob("??/*") if path.is_file()]

    assert 130 == refused.code
    assert still
    assert (0, "删除了 1 个对话、2 条消息") == (ran.code, ran.err.splitlines()[-1])
    assert gone
    assert [] == files


async def test_nobody_is_nobody(tmp_path: Path) -> None:
    environ = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db"}
    await webot("migrate", folder=tmp_path, environ=environ)
    ran = await webot("forget", "wangwu", "--yes", folder=tmp_path, environ=environ)

    assert (1, "错误：没有叫“wangwu”的人在这里发过消息\n") == (ran.code, ran.err)
