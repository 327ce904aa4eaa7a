"""What a channel remarks of a message stands beside it, and who has nothing to say is asked once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.answer import Outcome
from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import lane_of
from pipeline.replies import Part, Receipt, TextReply
from pipeline.settings import Limits
from pipeline.text.i18n import Catalogue
from pipeline.turn import Turns
from pipeline.turn_state import Finished, Postponed, Turn, Verdict
from storage.database.engine import Database
from storage.database.tables import inbox
from storage.monitoring.turn_lookup import turn_of_message
from storage.monitoring.views import TurnDetail, find_turn
from storage.turns.worker import Worker
from tests.fakes.bubbles import FakeBubbles
from tests.fakes.turns import FakeAnswerer

ZHANG = Person("fake", "zhang")
ASKED = InboundEvent("k", ZHANG, Text("hello"), datetime(2026, 11, 28, tzinfo=UTC), reply_id="r1")


class RemarkingBubbles(FakeBubbles):
    async def reply(self, event: InboundEvent, part: Part) -> Receipt:
        receipt = await super().reply(event, part)
        return replace(receipt, remark=f"remark on {receipt.message_id}")


@asynccontextmanager
async def answered(database: Database, channel: FakeBubbles, answerer: FakeAnswerer) -> AsyncIterator[list[Verdict]]:
    """Have one message answered by a worker, and yield how its runs ended, once it is over."""
    worker = Worker(database, most=10)
    verdicts: list[Verdict] = []
    over = asyncio.Event()
    turns = Turns(
        channels={"fake": channel},
        chains={},
        answerer=answerer,
        guards=(),
        journal=worker,
        catalogue=Catalogue("en"),
        limits=Limits(),
        thinking_seconds=0.0,
    )

    async def run(turn: Turn) -> Verdict:
        verdict = await turns.run(turn)
        verdicts.append(replace(verdict, after=0.0) if isinstance(verdict, Postponed) else verdict)
        if len(verdicts) > 2:
            channel.connected = True
        if isinstance(verdict, Finished):
            over.set()
        return verdicts[-1]

    await worker.start(run)
    try:
        await worker.accept(ASKED, lane=lane_of(ZHANG))
        async with asyncio.timeout(60):
            await over.wait()
        yield verdicts
    finally:
        await worker.close()


async def the_turn(database: Database) -> TurnDetail:
    async with database.read() as connection:
        turn_id = (await connection.execute(inbox.select())).one().id
    found = await find_turn(database, turn_id)
    assert found is not None
    return found


@pytest.mark.parametrize("channel", [RemarkingBubbles, FakeBubbles])
async def test_a_remark_on_a_message_stands_beside_it_and_makes_no_failure_of_it(
    database: Database, channel: type[FakeBubbles]
) -> None:
    async with answered(database, channel(connected=True), FakeAnswerer(Outcome((TextReply("one|two"),)))):
        pass
    detail = await the_turn(database)

    remarks = ["remark on m1", "remark on m2"] if channel is RemarkingBubbles else ["", ""]
    assert remarks == [part.error for part in detail.parts]
    assert [("sent", "m1"), ("sent", "m2")] == [(part.state, part.message_id) for part in detail.parts]
    assert "done" == detail.turn.state
    assert await turn_of_message(database, ZHANG, "m2") == detail.turn.id


async def test_who_has_nothing_to_say_is_asked_once_while_a_bubble_waits_for_its_connection(
    database: Database,
) -> None:
    answerer, channel = FakeAnswerer(Outcome(())), FakeBubbles(connected=False)
    async with answered(database, channel, answerer) as verdicts:
        assert [Postponed, Postponed, Postponed, Finished] == [type(verdict) for verdict in verdicts]

    assert 1 == len(answerer.asked)
    assert [("r1", "nothing")] == channel.endings
    detail = await the_turn(database)
    assert ("done", ()) == (detail.turn.state, detail.parts)
