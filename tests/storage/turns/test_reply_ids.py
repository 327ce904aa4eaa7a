"""What a channel answers a message by is there for whichever process takes its turn up, on either database."""

from datetime import UTC, datetime

from pipeline.answer import Outcome
from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import lane_of
from pipeline.replies import TextReply
from pipeline.settings import Limits
from pipeline.text.i18n import Catalogue
from pipeline.turn import Turns
from storage.database.engine import Database
from storage.turns.worker import Worker
from tests.fakes.bubbles import FakeBubbles
from tests.fakes.turns import FakeAnswerer
from tests.service import until

ZH = Catalogue("zh")
ZHANG = Person("fake", "zhang")


async def test_who_takes_a_message_up_can_answer_it_as_who_took_it_and_what_is_run_again_is_answered_anew(
    database: Database,
) -> None:
    channel, answerer = FakeBubbles(connected=True), FakeAnswerer(Outcome((TextReply("hi"),)))
    taking, worker = (Worker(database, most=10, lease_seconds=3.0) for _ in range(2))
    turns = Turns(
        channels={"fake": channel},
        chains={},
        answerer=answerer,
        guards=(),
        journal=worker,
        catalogue=ZH,
        limits=Limits(),
        thinking_seconds=0.0,
    )
    event = InboundEvent("k", ZHANG, Text("hello"), datetime(2026, 11, 28, tzinfo=UTC), reply_id="r\u0000eq1")
    # It takes the message, and is gone before it runs its turn.
    taking._writer.start()  # noqa: SLF001 -- no worker takes messages without running them
    await taking.accept(event, lane=lane_of(ZHANG))
    await taking._writer.stop()  # noqa: SLF001 -- as above
    await worker.start(turns.run)
    try:
        await until(lambda: channel.endings)
        assert [("hi", "req1")] == channel.replies

        # Its turn may not be noted as over yet.
        while not await worker.requeue(lane_of(ZHANG), int(answerer.asked[0].trace), afresh=True):
            pass
        await until(lambda: len(channel.endings) > 1)
        assert ("hi", "") == channel.replies[-1]
    finally:
        await worker.close()
