"""What everything that makes documents for people in the chat promises, asked of the real one and of its fakes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from exports.chat import ChatExports
from exports.workers.pool import RenderPool
from pipeline.events import Person
from pipeline.exports import Current, Everything
from pipeline.ports import AnswerDocuments, Exporter
from pipeline.settings import Export
from storage.database.engine import Database
from tests.chains.commands.test_export import Printer
from tests.exports.conversing import converse
from tests.fakes.ports import MemoryMedia
from tests.pipeline.test_turn import FakeDocuments

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
ZHANG = Person("wecom", "zhangsan")

Speak = Callable[[], Awaitable[None]]


def chat_exports(database: Database) -> ChatExports:
    pool = RenderPool(processes=1, keep=False, seconds=600)
    return ChatExports(database, MemoryMedia(), pool, settings=Export(), language="zh", idle_minutes=0)


@pytest.fixture
async def exporter(contract_database: Database | None) -> tuple[Exporter, Speak]:
    """Return an exporter, and what has Zhang talk."""
    if contract_database is None:
        fake = Printer()

        async def nothing() -> None:
            return

        return fake, nothing
    database = contract_database

    async def speak() -> None:
        await converse(database, "zhangsan", [("问", "答")], at=NOON)

    return await asyncio.to_thread(chat_exports, database), speak


@pytest.fixture
async def documents(contract_database: Database | None) -> AnswerDocuments:
    if contract_database is None:
        return FakeDocuments(person=ZHANG)
    return await asyncio.to_thread(chat_exports, contract_database)


async def test_an_export_counts_what_is_in_its_files(exporter: tuple[Exporter, Speak]) -> None:
    it, speak = exporter
    await speak()
    for wanted in (Current(), Everything()):
        made = await it.export(ZHANG, wanted, "txt")

        assert made.files
        assert 1 == made.conversations
        assert made.messages >= 2


async def test_a_document_is_a_stored_pdf(documents: AnswerDocuments) -> None:
    made = await documents.document(ZHANG, "你好", "全文")

    assert made is not None
    assert "application/pdf" == made.mime
    assert made.name.endswith(".pdf")
