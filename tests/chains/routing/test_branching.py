"""The runnable a router is made of."""

from collections.abc import AsyncGenerator

import pytest

from chains.routing.branching import BranchRunnable


class Branches:
    """Counts up for numbers above nought, and remembers that it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def branch(self, number: int) -> AsyncGenerator[int]:
        return self.up(number) if number > 0 else self.broken()

    async def up(self, number: int) -> AsyncGenerator[int]:
        try:
            for each in range(number):
                yield each
        finally:
            self.closed = True

    async def broken(self) -> AsyncGenerator[int]:
        yield 0
        message = "no such branch"
        raise LookupError(message)


async def test_it_streams_what_its_branch_streams() -> None:
    router = BranchRunnable(Branches().branch, name="router")

    assert [0, 1, 2] == [step async for step in router.astream(3)]


async def test_asked_for_one_thing_it_gives_the_last() -> None:
    assert await BranchRunnable(Branches().branch, name="router").ainvoke(3) == 2


async def test_what_a_branch_raises_is_raised() -> None:
    with pytest.raises(LookupError):
        await BranchRunnable(Branches().branch, name="router").ainvoke(0)


async def test_a_stream_that_is_closed_closes_its_branch() -> None:
    branches = Branches()
    steps = BranchRunnable(branches.branch, name="router").astream(3)
    assert isinstance(steps, AsyncGenerator)
    await anext(steps)
    await steps.aclose()

    assert branches.closed


async def test_it_is_a_part_like_others_of_a_chain() -> None:
    chain = BranchRunnable(Branches().branch, name="router") | (lambda last: last * 10)

    assert await chain.ainvoke(3) == 20
