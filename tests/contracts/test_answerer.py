"""What everything that answers promises, asked of the chains and of their fake."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from pipeline.answer import Outcome
from pipeline.ports import Answerer
from pipeline.replies import TextReply
from tests.chains.harness import ask, open_chains_harness
from tests.fakes.turns import FakeAnswerer


@pytest.fixture(params=["the fake", "the chains"])
async def answerer(request: pytest.FixtureRequest) -> AsyncIterator[Answerer]:
    if request.param == "the fake":
        yield FakeAnswerer(Outcome((TextReply("好"),)))
        return
    async with open_chains_harness() as it:
        yield it.chains


async def test_an_answer_ends_with_its_one_outcome(answerer: Answerer) -> None:
    steps = [step async for step in answerer.answer(ask("你好"))]

    assert [False] * (len(steps) - 1) + [True] == [isinstance(step, Outcome) for step in steps]


async def test_an_answer_may_be_left_before_its_end(answerer: Answerer) -> None:
    async with aclosing(answerer.answer(ask("你好"))) as steps:
        await anext(steps)
    again = [step async for step in answerer.answer(ask("你好"))]

    assert isinstance(again[-1], Outcome)
