"""`@export`, as a person types it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from chains.catalog.catalog import ChainCatalog
from chains.router import Chains, open_chains
from pipeline.answer import Outcome
from pipeline.events import Person
from pipeline.exports import Current, Everything, Exported, Format, Full, Month, Numbered, Previous, Wanted
from pipeline.replies import FileReply, StoredMedia, TextReply
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.chains.harness import ALICE, PLAIN_CHAIN, CountingStopper, RecentMemory, ask, catalog_of

ZH = Catalogue("zh")
FILE = StoredMedia("a" * 64, "application/pdf", "对话.pdf", 9)


@dataclass
class Printer:
    """Prints what it is told to, and notes what was wanted."""

    made: Exported = field(default_factory=lambda: Exported((FILE,), 1, 4))
    wanted: list[tuple[Person, Wanted, Format]] = field(default_factory=list)

    async def export(self, person: Person, wanted: Wanted, format_: Format) -> Exported:
        self.wanted.append((person, wanted, format_))
        return self.made


@asynccontextmanager
async def printing(printer: Printer) -> AsyncIterator[Chains]:
    chains = await asyncio.to_thread(
        open_chains,
        Settings(),
        memory=RecentMemory(),
        stopper=CountingStopper(),
        read_catalog=catalog_of(ChainCatalog({"default": PLAIN_CHAIN})),
        exporter=printer,
    )
    try:
        yield chains
    finally:
        await chains.aclose()


async def said(printer: Printer, text: str) -> Outcome:
    async with printing(printer) as chains:
        last = [step async for step in chains.answer(ask(text))][-1]
    assert isinstance(last, Outcome)
    return last


@pytest.mark.parametrize(
    ("argument", "wanted", "format_"),
    [
        ("", Current(), "pdf"),
        ("last", Previous(), "pdf"),
        ("上次", Previous(), "pdf"),
        ("ALL", Everything(), "pdf"),
        ("全部", Everything(), "pdf"),
        ("3", Numbered(3), "pdf"),
        ("第３次", Numbered(3), "pdf"),
        ("2026-11", Month(2026, 11), "pdf"),
        ("2026年1月", Month(2026, 1), "pdf"),
        ("md", Current(), "md"),
        ("html all", Everything(), "html"),
        ("all html", Everything(), "html"),
        ("全部 文本", Everything(), "txt"),
        ("2026-11, CSV", Month(2026, 11), "csv"),
        ("全部pdf。", Everything(), "pdf"),
        ("为网页", Current(), "html"),
        ("上一次的对话", Previous(), "pdf"),
        ("上一次", Previous(), "pdf"),
        ("上一次谢谢", Previous(), "pdf"),
        ("第3次对话html", Numbered(3), "html"),
        ("2026年11月的全部聊天记录，谢谢", Everything(), "pdf"),
        ("我的全部聊天记录 txt！", Everything(), "txt"),
    ],
)
async def test_what_is_wanted_is_read_in_any_order(argument: str, wanted: Wanted, format_: Format) -> None:
    printer = Printer()
    await said(printer, f"@export {argument}")

    assert [(ALICE, wanted, format_)] == printer.wanted


@pytest.mark.parametrize(("word", "ago"), [("本月", 0), ("这个月的", 0), ("上个月", 1), ("上月html", 1)])
async def test_a_month_may_be_named_by_how_long_ago_it_was(word: str, ago: int) -> None:
    printer = Printer()
    await said(printer, f"@导出{word}")
    today = datetime.now(UTC).astimezone()
    months = today.year * 12 + today.month - 1 - ago

    assert [Month(months // 12, months % 12 + 1)] == [each[1] for each in printer.wanted]


@pytest.mark.parametrize("number", range(1, 13))
async def test_a_month_by_its_number_is_the_latest_that_has_begun(number: int) -> None:
    printer = Printer()
    await said(printer, f"@导出{number}月")
    today = datetime.now(UTC).astimezone()

    assert [Month(today.year - (number > today.month), number)] == [each[1] for each in printer.wanted]


@pytest.mark.parametrize("word", ["2026-13", "0001-01", "1970-01", "9999-12", "0", "昨天", "docx"])
async def test_what_is_not_understood_is_explained_and_nothing_is_made(word: str) -> None:
    printer = Printer()
    outcome = await said(printer, f"@导出 {word}")

    assert Outcome((TextReply(ZH.text("export.unclear", word=word)),)) == outcome
    assert [] == printer.wanted


async def test_who_has_too_many_is_told_how_many_and_for_how_long() -> None:
    outcome = await said(Printer(Exported(full=Full(30, 300.0, 7))), "@export")
    sentence = ZH.text("export.full", files=30, megabytes="300", days=7)

    assert "每人最多 30 个、共 300 MB" in sentence
    assert Outcome((TextReply(sentence),)) == outcome


async def test_the_file_comes_with_a_word_about_it() -> None:
    assert Outcome((TextReply("对话已导出，共 4 条消息。"), FileReply(FILE))) == await said(Printer(), "@export")


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("", "export.nothing"),
        ("all", "export.nothing"),
        ("last", "export.no_previous"),
        ("9", "export.no_such"),
        ("2020-01", "export.quiet_month"),
    ],
)
async def test_when_there_is_nothing_that_is_said(argument: str, sentence: str) -> None:
    outcome = await said(Printer(Exported()), f"@export {argument}")

    assert Outcome((TextReply(ZH.text(sentence)),)) == outcome


async def test_what_is_other_than_expected_is_said() -> None:
    outcome = await said(Printer(Exported((FILE, FILE), 3, 40, instead=True, plainer=True)), "@export")
    (text, *files) = outcome.replies

    assert isinstance(text, TextReply)
    assert text.text.startswith(ZH.text("export.instead"))
    assert ZH.text("export.volumes", files=2) in text.text
    assert text.text.endswith(ZH.text("export.plainer"))
    assert [FileReply(FILE)] * 2 == files


async def test_it_is_listed_where_it_can_be_had() -> None:
    outcome = await said(Printer(), "@help")

    assert "@export" in str(outcome.replies)
