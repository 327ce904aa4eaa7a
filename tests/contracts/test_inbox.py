"""What every inbox promises, asked of the worker on both databases and of its fake."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from pipeline.events import InboundEvent, Person, Text
from pipeline.ports import Inbox
from pipeline.turn_state import Finished, Turn, Verdict
from storage.database.engine import Database
from storage.turns.worker import Worker
from tests.fakes.ports import FakeInbox


@pytest.fixture
async def inbox(contract_database: Database | None) -> AsyncIterator[Inbox]:
    if contract_database is None:
        yield FakeInbox()
        return
    worker = Worker(contract_database, most=1)

    async def run(_: Turn) -> Verdict:
        return Finished("done")

    await worker.start(run)
    yield worker
    await worker.close()


def event(key: str) -> InboundEvent:
    return InboundEvent(key, Person("wecom", "张三"), Text("你好"), datetime(2026, 11, 22, tzinfo=UTC))


async def test_an_event_is_new_once_and_known_ever_after(inbox: Inbox) -> None:
    new = [await inbox.accept(event(key), lane="wecom/张三") for key in ("one", "one", "two", "one")]

    assert [True, False, True, False] == new
