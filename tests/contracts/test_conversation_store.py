"""What every store of conversations promises to those who answer, asked of the real one and of its fake."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from pipeline.answer import Exchange
from pipeline.ports import ConversationStore
from storage.conversations.transcript import TranscriptStore
from storage.database.engine import Database
from tests.chains.harness import ALICE, RecentMemory
from tests.exports.conversing import converse

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
TALK = [("一", "甲"), ("二", "乙"), ("三", "丙")]

Converse = Callable[[], Awaitable[None]]


@pytest.fixture
def store(contract_database: Database | None) -> tuple[ConversationStore, Converse]:
    """Return a store, and what has Alice talk."""
    if contract_database is None:
        memory = RecentMemory()

        async def remember() -> None:
            memory.exchanges, memory.answers = tuple(Exchange(*pair) for pair in TALK), True

        return memory, remember
    database = contract_database

    async def talk() -> None:
        await converse(database, ALICE.user, TALK, at=NOON, channel=ALICE.channel)

    return TranscriptStore(database), talk


async def test_of_a_person_who_said_nothing_nothing_is_known(store: tuple[ConversationStore, Converse]) -> None:
    it, _ = store
    found = await it.load(ALICE, turns=3, idle_minutes=0)

    assert ((), "", "", None) == (found.exchanges, found.persona, found.model, found.conversation)
    assert not await it.answered(ALICE, ALICE)
    assert [] == list(await it.conversations(ALICE, limit=3))


@pytest.mark.parametrize("turns", [0, 1, 2, 9])
async def test_the_latest_exchanges_are_loaded_oldest_first(
    store: tuple[ConversationStore, Converse], turns: int
) -> None:
    it, talk = store
    await talk()
    found = await it.load(ALICE, turns=turns, idle_minutes=0)

    assert TALK[-turns:] * bool(turns) == [(one.question, one.answer) for one in found.exchanges]
    assert await it.answered(ALICE, ALICE)
