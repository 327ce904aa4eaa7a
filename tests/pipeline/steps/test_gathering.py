"""Messages that come within some seconds of one another are joined to the last of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.events import Content, Image, InboundEvent, Person, Text
from pipeline.steps.gathering import MOST_CHARACTERS, Gathering
from pipeline.turn_state import JoinedMessage, Turn, WaitingMessage

ANN = Person("wecom", "ann")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event(content: Content, person: Person = ANN) -> InboundEvent:
    return InboundEvent("key", person, content, NOON)


def is_question(said: InboundEvent) -> bool:
    return isinstance(said.content, Text) and not said.content.text.startswith("@")


class Queue:
    """Has one message, from the look of a number on."""

    def __init__(self, message: WaitingMessage | None, *, from_look: int = 1) -> None:
        self.looks = 0
        self._message = message
        self._from = from_look

    async def next_message(self, turn: Turn) -> WaitingMessage | None:
        assert turn.id == 1
        self.looks += 1
        return self._message if self.looks >= self._from else None


TURN = Turn(1, "wecom:ann", 1, event(Text("one")), accepted_at=100.0)
NEXT = WaitingMessage(2, event(Text("two")), accepted_at=101.0)


@pytest.mark.parametrize("from_look", [1, 2], ids=["it is there", "it comes"])
async def test_a_message_that_is_followed_is_joined_to_the_next(from_look: int) -> None:
    queue = Queue(NEXT, from_look=from_look)

    joined = await Gathering(2.0, queue, clock=lambda: 101.99).join(TURN, is_question)

    assert JoinedMessage(2, Text("one\ntwo")) == joined
    assert from_look == queue.looks


@pytest.mark.parametrize(
    ("turn", "following"),
    [
        pytest.param(TURN, None, id="nothing follows"),
        pytest.param(TURN, replace(NEXT, accepted_at=102.5), id="what follows came too late"),
        pytest.param(TURN, replace(NEXT, event=event(Text("@clear"))), id="a command follows"),
        pytest.param(TURN, replace(NEXT, event=event(Image("m"))), id="a picture follows"),
        pytest.param(TURN, replace(NEXT, event=event(Text("two"), Person("wecom", "bob"))), id="another person's"),
        pytest.param(TURN, replace(NEXT, event=event(Text("字" * MOST_CHARACTERS))), id="too much together"),
    ],
)
async def test_other_messages_are_answered_by_themselves(turn: Turn, following: WaitingMessage | None) -> None:
    assert await Gathering(2.0, Queue(following), clock=lambda: 500.0).join(turn, is_question) is None


@pytest.mark.parametrize(
    ("seconds", "content"),
    [
        pytest.param(0.0, Text("one"), id="it is off"),
        pytest.param(2.0, Text("@help"), id="a command"),
        pytest.param(2.0, Image("m"), id="a picture"),
    ],
)
async def test_what_is_not_gathered_waits_for_nothing(seconds: float, content: Content) -> None:
    queue = Queue(NEXT)

    assert await Gathering(seconds, queue).join(replace(TURN, event=event(content)), is_question) is None
    assert 0 == queue.looks


async def test_a_clock_that_is_behind_makes_nobody_wait_longer() -> None:
    queue = Queue(None)

    assert await Gathering(0.01, queue, clock=lambda: 0.0).join(TURN, is_question) is None
    assert 2 == queue.looks
