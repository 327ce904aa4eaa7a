"""What is shown of a turn that is over, where the process that runs it cannot end it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.answer import Outcome
from pipeline.events import InboundEvent, Person, Text
from pipeline.replies import TextReply
from pipeline.settings import Limits
from pipeline.steps.guards import Guard, Refusal
from pipeline.text.i18n import Catalogue
from pipeline.turn import Turns
from pipeline.turn_state import STOPPED, Finished, Postponed, Turn
from tests.fakes.bubbles import FakeBubbles
from tests.fakes.turns import FakeAnswerer, FakeJournal
from tests.service import until

ZH = Catalogue("zh")
ASKED = InboundEvent("k", Person("fake", "zhang"), Text("hello"), datetime(2026, 11, 28, tzinfo=UTC), reply_id="r1")
TURN = Turn(7, "fake/zhang", 1, ASKED, 0.0)


def turns(
    channel: FakeBubbles, answerer: FakeAnswerer, journal: FakeJournal | None = None, guards: Sequence[Guard] = ()
) -> Turns:
    return Turns(
        channels={"fake": channel},
        chains={},
        answerer=answerer,
        guards=guards,
        journal=journal or FakeJournal(),
        catalogue=ZH,
        limits=Limits(),
        thinking_seconds=0.0,
    )


@pytest.mark.parametrize(
    ("turn", "ending"),
    [
        pytest.param(replace(TURN, stopped=True), "stopped", id="stopped"),
        pytest.param(TURN, "nothing", id="nothing to say"),
    ],
)
async def test_a_turn_whose_bubble_cannot_be_ended_here_is_over_once_it_can(turn: Turn, ending: str) -> None:
    channel = FakeBubbles(connected=False)
    run = turns(channel, FakeAnswerer(Outcome(()))).run

    verdict = await run(turn)
    assert isinstance(verdict, Postponed)
    assert not verdict.blamed

    channel.connected = True
    assert isinstance(await run(turn), Finished)
    assert [("r1", ending)] == channel.endings


async def test_a_chain_that_says_nothing_is_asked_once_however_long_its_bubble_cannot_be_ended() -> None:
    channel, answerer, journal = FakeBubbles(connected=False), FakeAnswerer(Outcome(())), FakeJournal()
    run = turns(channel, answerer, journal).run
    assert isinstance(await run(TURN), Postponed)
    # As it is read again from the database.
    recorded = replace(TURN, parts=())
    for _ in range(3):
        assert isinstance(await run(recorded), Postponed)
    channel.connected = True
    assert isinstance(await run(recorded), Finished)

    assert 1 == len(answerer.asked)
    assert [(Outcome(()), "")] == journal.recorded
    assert [("r1", "nothing")] == channel.endings


class SilentGuard:
    """Refuses without a word."""

    async def check(self, turn: Turn) -> Refusal | None:
        del turn
        return Refusal("", {}, logged="too many")


@pytest.mark.parametrize("connected", [True, False])
async def test_a_refusal_without_a_word_ends_its_bubble_with_the_same_words_wherever_it_can_be_ended(
    *, connected: bool
) -> None:
    channel, answerer = FakeBubbles(connected=connected), FakeAnswerer(Outcome(()))
    refusing = turns(channel, answerer, guards=[SilentGuard()])
    assert isinstance(await refusing.run(TURN), Finished)

    assert [] == answerer.asked
    assert (("r1", "refused") in channel.endings) == connected
    assert channel.replies == ([] if connected else [(ZH.text("aibot.refused"), "r1")])


async def test_a_turn_that_is_stopped_while_it_runs_is_over_once_its_bubble_can_be_ended() -> None:
    channel, answerer = FakeBubbles(connected=False), FakeAnswerer(Outcome(()))
    answerer.gate.clear()
    running = asyncio.create_task(turns(channel, answerer).run(TURN))
    await until(lambda: answerer.asked)
    running.cancel(STOPPED)

    assert isinstance(await running, Postponed)


async def test_a_turn_that_is_answered_is_over_and_only_its_first_part_has_what_it_is_answered_by() -> None:
    channel = FakeBubbles(connected=False)

    verdict = await turns(channel, FakeAnswerer(Outcome((TextReply("one|two"),)))).run(TURN)

    assert isinstance(verdict, Finished)
    assert [("one", "r1"), ("two", "")] == channel.replies
