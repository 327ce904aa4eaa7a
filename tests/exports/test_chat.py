"""What `@export` means, over both databases, with a real rendering process."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pymupdf
import pytest
import pytest_asyncio
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
from tests.databases import owned_database
from tests.exports.conversing import converse
from tests.exports.samples import REPORT
from tests.fakes.ports import MemoryMedia

pytestmark = pytest.mark.asyncio(loop_scope="module")

ZHANG = Person("wecom", "zhangsan")
NOW = time.time()
HOUR = 3600.0


@dataclass
class ChatExportHarness:
    """The exporter with what it was given."""

    database: Database
    pool: RenderPool
    media: MemoryMedia = field(default_factory=MemoryMedia)
    idle_minutes: int = 60
    volume_mb: float = 19.0
    kept_files: int = 30
    kept_mb: float = 300.0

    async def exports(self) -> ChatExports:
        return await asyncio.to_thread(
            ChatExports,
            self.database,
            self.media,
            self.pool,
            settings=Export(volume_mb=self.volume_mb, kept_files=self.kept_files, kept_mb=self.kept_mb),
            language="zh",
            idle_minutes=self.idle_minutes,
        )

    async def export(self, wanted: Wanted, format_: Format = "txt") -> Exported:
        return await (await self.exports()).export(ZHANG, wanted, format_)

    async def text(self, wanted: Wanted) -> str:
        (file,) = (await self.export(wanted)).files
        return self.media.files[file.sha256].decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[RenderPool]:
    """Rendering processes for all tests of this file: most of what a document takes is their start."""
    opened = RenderPool(processes=2, keep=True, seconds=600)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database of each kind on the loop that the rendering processes are asked from."""
    async with owned_database(database_url) as opened:
        yield opened


@pytest.fixture
def harness(database: Database, pool: RenderPool) -> ChatExportHarness:
    return ChatExportHarness(database, pool)


async def two_talks(database: Database, *, going_on: bool = True) -> None:
    await converse(database, "lisi", [("李四的事", "不给别人看")], at=NOW - HOUR)
    await converse(database, "zhangsan", [("第一件事", "第一件事的回答")], at=NOW - 40 * 86400)
    await converse(database, "zhangsan", [("第二件事", "第二件事的回答")], at=NOW - 600, going_on=going_on)


async def test_the_current_conversation_comes_as_pages_that_say_who_and_when(harness: ChatExportHarness) -> None:
    await converse(harness.database, "zhangsan", [("写份分析", REPORT)], at=NOW - 600, persona="分析师", revision="r9")
    made = await harness.export(Current(), "pdf")
    (file,) = made.files

    assert (1, 2, False, False) == (made.conversations, made.messages, made.instead, made.plainer)
    last_said = datetime.fromtimestamp(NOW - 540, UTC).astimezone()  # just after midnight this is yesterday
    assert f"写份分析 {last_said:%Y-%m-%d}.pdf" == file.name
    with pymupdf.open(stream=harness.media.files[file.sha256]) as pages:
        text = pages[0].get_text()
        assert all(words in text for words in ("写份分析", "zhangsan", "分析师", "deepseek-chat", "default @ r9"))


async def test_a_long_answer_becomes_pages_named_after_its_question(harness: ChatExportHarness) -> None:
    exports = await harness.exports()
    media = await exports.document(ZHANG, "写份分析\n要长一点", REPORT)

    assert media is not None
    assert re.fullmatch(r"写份分析 要长一点 \d{4}-\d\d-\d\d\.pdf", media.name)
    with pymupdf.open(stream=harness.media.files[media.sha256]) as pages:
        text = "".join(page.get_text() for page in pages)
    assert "写份分析" in text
    assert "第 0 次" not in text


async def test_a_person_whose_files_are_full_gets_no_pages(harness: ChatExportHarness) -> None:
    harness.kept_files = 1
    exports = await harness.exports()

    assert await exports.document(ZHANG, "", "答") is not None
    assert await exports.document(ZHANG, "问题", "答") is None


async def test_the_current_conversation_is_the_one_that_goes_on(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)
    text = await harness.text(Current())

    assert "第二件事的回答" in text
    assert "第一件事" not in text
    assert "李四" not in text


async def test_last_is_the_one_before(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)

    assert "第一件事的回答" in await harness.text(Previous())


@pytest.mark.parametrize("idle_minutes", [60, 1])
async def test_with_nothing_said_yet_the_one_before_is_taken_and_that_is_said(
    harness: ChatExportHarness, idle_minutes: int
) -> None:
    # Closed by the person, or over because the person was quiet for long.
    await two_talks(harness.database, going_on=idle_minutes == 1)
    harness.idle_minutes = idle_minutes
    made = await harness.export(Current())

    assert made.instead
    assert "第二件事的回答" in await harness.text(Current())
    assert "第二件事的回答" in await harness.text(Previous())


async def test_a_conversation_has_its_number(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)

    assert "第一件事的回答" in await harness.text(Numbered(1))
    assert () == (await harness.export(Numbered(3))).files


async def test_a_month_is_what_was_said_in_it(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)
    then = datetime.fromtimestamp(NOW - 40 * 86400, UTC).astimezone()
    text = await harness.text(Month(then.year, then.month))

    assert "第一件事的回答" in text
    assert "第二件事" not in text
    assert () == (await harness.export(Month(1999, 12))).files


async def test_everything_is_the_persons_own_and_no_others(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)
    made = await harness.export(Everything(), "html")
    page = harness.media.files[made.files[0].sha256].decode()

    assert (2, 4) == (made.conversations, made.messages)
    assert "第一件事的回答" in page
    assert "李四" not in page


@pytest.mark.parametrize("wanted", [Current(), Previous(), Everything()])
async def test_who_has_said_nothing_gets_nothing(harness: ChatExportHarness, wanted: Wanted) -> None:
    await converse(harness.database, "lisi", [("李四的事", "不给别人看")], at=NOW - HOUR)

    assert Exported() == await harness.export(wanted)


async def test_a_rendering_that_hangs_is_ended_and_told(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)
    harness.pool = RenderPool(processes=2, keep=False, seconds=0.01)
    with pytest.raises(AnswerFailed, match="not done after") as raised:
        await harness.export(Current(), "pdf")

    assert "export.failed" == raised.value.reason


async def test_pictures_are_in_the_document_and_lost_ones_are_named(harness: ChatExportHarness) -> None:
    there = await harness.media.keep(_pixel(), mime="image/png", name="在.png")
    gone = StoredMedia("f" * 64, "image/png", "不在.png", 9)
    await converse(harness.database, "zhangsan", [("看图", "好")], at=NOW - 600, pictures=(there, gone))
    (file,) = (await harness.export(Current(), "pdf")).files

    with pymupdf.open(stream=harness.media.files[file.sha256]) as pages:
        assert 1 == len(pages[0].get_images())
        assert "不在.png" in pages[0].get_text()


def _pixel() -> bytes:
    return bytes(pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 40, 30)).tobytes("png"))


async def test_the_same_content_is_not_made_and_kept_again(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)
    first = await harness.export(Everything(), "html")
    again = await harness.export(Everything(), "html")
    other = await harness.export(Everything(), "md")
    await converse(harness.database, "zhangsan", [("第三件事", "第三件事的回答")], at=NOW)
    after = await harness.export(Everything(), "html")

    assert first == again
    assert 3 == len(harness.media.files)
    assert 3 == len({file.sha256 for made in (first, other, after) for file in made.files})


async def test_what_is_gone_is_made_again(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)
    (file,) = (await harness.export(Everything())).files
    del harness.media.files[file.sha256]
    harness.media.files["another"] = b""
    (again,) = (await harness.export(Everything())).files

    assert "第一件事".encode() in harness.media.files[again.sha256]


@pytest.mark.parametrize("bound", [{"kept_files": 1}, {"kept_mb": 0.0001}], ids=["documents", "megabytes"])
async def test_who_has_many_documents_waits_until_they_are_gone(
    harness: ChatExportHarness, bound: dict[str, Any]
) -> None:
    await two_talks(harness.database)
    bounded = replace(harness, **bound)
    await bounded.export(Everything())
    refused = await bounded.export(Everything(), "html")
    same = await bounded.export(Everything())
    async with harness.database.write() as connection:
        await connection.execute(update(exported_files).values(at=exported_files.c.at - 8 * 86400))
    later = await bounded.export(Everything(), "html")

    assert Exported(full=Full(bounded.kept_files, bounded.kept_mb, 7)) == refused
    assert same.files
    assert later.files


async def test_documents_go_after_some_days(harness: ChatExportHarness) -> None:
    await two_talks(harness.database)
    await harness.export(Everything())
    async with harness.database.write() as connection:
        await connection.execute(update(exported_files).values(at=exported_files.c.at - 6 * 86400))
    await harness.export(Everything(), "html")
    for days in (7, 5):
        await drop_old_exports(harness.database, days=days)
    async with harness.database.read() as connection:
        kept = (await connection.execute(select(exported_files.c.mime))).scalars().all()
        doomed = (await connection.execute(select(doomed_files))).all()

    assert (["text/html"], 1) == (kept, len(doomed))
