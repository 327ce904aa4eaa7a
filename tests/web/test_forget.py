"""Being forgotten: by a person in the chat, asked twice, and by an operator in the shell."""

from pathlib import Path

from sqlalchemy import select

from pipeline.words import Words
from storage.engine import Database
from storage.tables import metadata
from tests.house import House, open_house
from tests.web.shell import webot

ZH = Words("zh")
WORDS = "我的秘密是西瓜"


async def holds(database: Database, words: str) -> bool:
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            if any(words in str(row) for row in await connection.execute(select(table))):
                return True
    return False


async def talk(house: House) -> None:
    phone = house.phone()
    await phone.say(WORDS)
    await phone.texts(count=1)
    await phone.say("@export txt")
    await phone.messages(count=3, within=30)


async def test_a_person_is_forgotten_when_they_have_said_so_twice(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await talk(house)
        phone = house.phone()
        await phone.say("@forget")
        (asked,) = (await phone.texts(count=4))[3:]
        still = await holds(house.service.database, WORDS)
        await phone.say("@忘记我 确认")
        (done,) = (await phone.texts(count=5))[4:]
        gone = not await holds(house.service.database, WORDS)
        await phone.say("@history")
        (after,) = (await phone.texts(count=6))[5:]

    assert still
    assert gone
    assert "无法恢复" in asked
    assert ZH.say("forget.done") == done
    assert ZH.say("history.none") == after


async def test_an_operator_forgets_a_person_beside_the_running_service(tmp_path: Path) -> None:
    environ = {
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data"),
    }
    async with open_house(tmp_path) as house:
        await talk(house)
        refused = await webot("forget", "zhangsan", folder=tmp_path, environ=environ)
        still = await holds(house.service.database, WORDS)
        ran = await webot("forget", "ZhangSan", "--yes", folder=tmp_path, environ=environ)
        gone = not await holds(house.service.database, WORDS)
        files = [path for path in (tmp_path / "data" / "media").glob("??/*") if path.is_file()]

    assert 130 == refused.code
    assert still
    assert (0, "1 conversations, 2 messages deleted") == (ran.code, ran.err.splitlines()[-1])
    assert gone
    assert [] == files


async def test_nobody_is_nobody(tmp_path: Path) -> None:
    environ = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db"}
    await webot("migrate", folder=tmp_path, environ=environ)
    ran = await webot("forget", "wangwu", "--yes", folder=tmp_path, environ=environ)

    assert (1, "Error: nobody called 'wangwu' has written here\n") == (ran.code, ran.err)
