"""What `@export` means, over both databases, with a real rendering process."""

import asyncio
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pymupdf
import pytest
from sqlalchemy import select, update

from exports.chat import ChatExports
from exports.workers.pool import RenderPool
from pipeline.errors import AnswerFailed
from pipeline.events import Person
from pipeline.exports import Current, Everything, Exported, Format, Full, Month, Numbered, Previous, Wanted
from pipeline.replies import StoredMedia
from pipeline.settings import Export
from storage.conversations.kept_documents import drop_old_exports
from storage.database.engine import Database
from storage.database.tables import doomed_files, exported_files
from tests.exports.conversing import converse
from tests.exports.samples import REPORT
from tests.fakes.ports import MemoryMedia

ZHANG = Person("wecom", "zhangsan")
NOW = time.time()
HOUR = 3600.0


@dataclass
class Desk:
    """The exporter with what it was given."""

    database: Database
    media: MemoryMedia = field(default_factory=MemoryMedia)
    seconds: float = 60.0
    idle_minutes: int = 60
    volume_mb: float = 19.0
    kept_files: int = 30
    kept_mb: float = 300.0

    async def exports(self) -> ChatExports:
        return await asyncio.to_thread(
            ChatExports,
            self.database,
            self.media,
            RenderPool(processes=2, keep=False, seconds=self.seconds),
            settings=Export(volume_mb=self.volume_mb, kept_files=self.kept_files, kept_mb=self.kept_mb),
            language="zh",
            idle_minutes=self.idle_minutes,
        )

    async def export(self, wanted: Wanted, format_: Format = "txt") -> Exported:
        return await (await self.exports()).export(ZHANG, wanted, format_)

    async def text(self, wanted: Wanted) -> str:
        (file,) = (await self.export(wanted)).files
        return self.media.files[file.sha256].decode()


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def two_talks(database: Database, *, going_on: bool = True) -> None:
    await converse(database, "lisi", [("李四的事", "不给别人看")], at=NOW - HOUR)
    await converse(database, "zhangsan", [("第一件事", "第一件事的回答")], at=NOW - 40 * 86400)
    await converse(database, "zhangsan", [("第二件事", "第二件事的回答")], at=NOW - 600, going_on=going_on)


async def test_the_current_conversation_comes_as_pages_that_say_who_and_when(desk: Desk) -> None:
    await converse(desk.database, "zhangsan", [("写份分析", REPORT)], at=NOW - 600, persona="分析师", revision="r9")
    made = await desk.export(Current(), "pdf")
    (file,) = made.files

    assert (1, 2, False, False) == (made.conversations, made.messages, made.instead, made.plainer)
    last_said = datetime.fromtimestamp(NOW - 540, UTC).astimezone()  # just after midnight this is yesterday
    assert f"写份分析 {last_said:%Y-%m-%d}.pdf" == file.name
    with pymupdf.open(stream=desk.media.files[file.sha256]) as pages:
        text = pages[0].get_text()
        assert all(words in text for words in ("写份分析", "zhangsan", "分析师", "deepseek-chat", "default @ r9"))


async def test_a_long_answer_becomes_pages_named_after_its_question(desk: Desk) -> None:
    exports = await desk.exports()
    media = await exports.document(ZHANG, "写份分析\n要长一点", REPORT)

    assert media is not None
    assert re.fullmatch(r"写份分析 要长一点 \d{4}-\d\d-\d\d\.pdf", media.name)
    with pymupdf.open(stream=desk.media.files[media.sha256]) as pages:
        text = "".join(page.get_text() for page in pages)
    assert "写份分析" in text
    assert "第 0 次" not in text


async def test_a_person_whose_files_are_full_gets_no_pages(desk: Desk) -> None:
    desk.kept_files = 1
    exports = await desk.exports()

    assert await exports.document(ZHANG, "", "答") is not None
    assert await exports.document(ZHANG, "问题", "答") is None


async def test_the_current_conversation_is_the_one_that_goes_on(desk: Desk) -> None:
    await two_talks(desk.database)
    text = await desk.text(Current())

    assert "第二件事的回答" in text
    assert "第一件事" not in text
    assert "李四" not in text


async def test_last_is_the_one_before(desk: Desk) -> None:
    await two_talks(desk.database)

    assert "第一件事的回答" in await desk.text(Previous())


@pytest.mark.parametrize("idle_minutes", [60, 1])
async def test_with_nothing_said_yet_the_one_before_is_taken_and_that_is_said(desk: Desk, idle_minutes: int) -> None:
    # Closed by the person, or over because the person was quiet for long.
    await two_talks(desk.database, going_on=idle_minutes == 1)
    desk.idle_minutes = idle_minutes
    made = await desk.export(Current())

    assert made.instead
    assert "第二件事的回答" in await desk.text(Current())
    assert "第二件事的回答" in await desk.text(Previous())


async def test_a_conversation_has_its_number(desk: Desk) -> None:
    await two_talks(desk.database)

    assert "第一件事的回答" in await desk.text(Numbered(1))
    assert () == (await desk.export(Numbered(3))).files


async def test_a_month_is_what_was_said_in_it(desk: Desk) -> None:
    await two_talks(desk.database)
    then = datetime.fromtimestamp(NOW - 40 * 86400, UTC).astimezone()
    text = await desk.text(Month(then.year, then.month))

    assert "第一件事的回答" in text
    assert "第二件事" not in text
    assert () == (await desk.export(Month(1999, 12))).files


async def test_everything_is_the_persons_own_and_no_others(desk: Desk) -> None:
    await two_talks(desk.database)
    made = await desk.export(Everything(), "html")
    page = desk.media.files[made.files[0].sha256].decode()

    assert (2, 4) == (made.conversations, made.messages)
    assert "第一件事的回答" in page
    assert "李四" not in page


@pytest.mark.parametrize("wanted", [Current(), Previous(), Everything()])
async def test_who_has_said_nothing_gets_nothing(desk: Desk, wanted: Wanted) -> None:
    await converse(desk.database, "lisi", [("李四的事", "不给别人看")], at=NOW - HOUR)

    assert Exported() == await desk.export(wanted)


async def test_a_rendering_that_hangs_is_ended_and_told(desk: Desk) -> None:
    await two_talks(desk.database)
    desk.seconds = 0.01
    with pytest.raises(AnswerFailed, match="not done after") as told:
        await desk.export(Current(), "pdf")

    assert "export.failed" == told.value.reason


async def test_pictures_are_in_the_document_and_lost_ones_are_named(desk: Desk) -> None:
    there = await desk.media.keep(_pixel(), mime="image/png", name="在.png")
    gone = StoredMedia("f" * 64, "image/png", "不在.png", 9)
    await converse(desk.database, "zhangsan", [("看图", "好")], at=NOW - 600, pictures=(there, gone))
    (file,) = (await desk.export(Current(), "pdf")).files

    with pymupdf.open(stream=desk.media.files[file.sha256]) as pages:
        assert 1 == len(pages[0].get_images())
        assert "不在.png" in pages[0].get_text()


def _pixel() -> bytes:
    return bytes(pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 40, 30)).tobytes("png"))


async def test_the_same_content_is_not_made_and_kept_again(desk: Desk) -> None:
    await two_talks(desk.database)
    first = await desk.export(Everything(), "html")
    again = await desk.export(Everything(), "html")
    other = await desk.export(Everything(), "md")
    await converse(desk.database, "zhangsan", [("第三件事", "第三件事的回答")], at=NOW)
    after = await desk.export(Everything(), "html")

    assert first == again
    assert 3 == len(desk.media.files)
    assert 3 == len({file.sha256 for made in (first, other, after) for file in made.files})


async def test_what_is_gone_is_made_again(desk: Desk) -> None:
    await two_talks(desk.database)
    (file,) = (await desk.export(Everything())).files
    del desk.media.files[file.sha256]
    desk.media.files["another"] = b""
    (again,) = (await desk.export(Everything())).files

    assert "第一件事".encode() in desk.media.files[again.sha256]


@pytest.mark.parametrize("bound", [{"kept_files": 1}, {"kept_mb": 0.0001}], ids=["documents", "megabytes"])
async def test_who_has_many_documents_waits_until_they_are_gone(desk: Desk, bound: dict[str, Any]) -> None:
    await two_talks(desk.database)
    bounded = replace(desk, **bound)
    await bounded.export(Everything())
    refused = await bounded.export(Everything(), "html")
    same = await bounded.export(Everything())
    async with desk.database.write() as connection:
        await connection.execute(update(exported_files).values(at=exported_files.c.at - 8 * 86400))
    later = await bounded.export(Everything(), "html")

    assert Exported(full=Full(bounded.kept_files, bounded.kept_mb, 7)) == refused
    assert same.files
    assert later.files


async def test_documents_go_after_some_days(desk: Desk) -> None:
    await two_talks(desk.database)
    await desk.export(Everything())
    async with desk.database.write() as connection:
        await connection.execute(update(exported_files).values(at=exported_files.c.at - 6 * 86400))
    await desk.export(Everything(), "html")
    for days in (7, 5):
        await drop_old_exports(desk.database, days=days)
    async with desk.database.read() as connection:
        kept = (await connection.execute(select(exported_files.c.mime))).scalars().all()
        doomed = (await connection.execute(select(doomed_files))).all()

    assert (["text/html"], 1) == (kept, len(doomed))
