"""What is opened in a thread is closed, however the caller ends."""

import asyncio
from threading import Event

import pytest

from exports.open_in_thread import opened_in_thread


async def test_what_is_opened_is_closed_at_the_end_of_the_block() -> None:
    happened: list[str] = []
    async with opened_in_thread(lambda: "a file", happened.append) as opened:
        assert ("a file", []) == (opened, happened)
    assert ["a file"] == happened


async def test_what_is_opened_for_somebody_who_is_cancelled_meanwhile_is_closed() -> None:
    opening, go_on, happened = Event(), Event(), list[str]()

    def open_slowly() -> str:
        opening.set()
        go_on.wait()
        return "a file"

    async def work() -> None:
        async with opened_in_thread(open_slowly, happened.append):
            happened.append("the block")

    working = asyncio.create_task(work())
    await asyncio.to_thread(opening.wait)
    working.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert ["a file"] == happened


async def test_the_error_of_opening_is_raised() -> None:
    def fail() -> str:
        raise OSError(28, "no space left")

    with pytest.raises(OSError, match="no space left"):
        async with opened_in_thread(fail, lambda _opened: None):
            pytest.fail("nothing is open")
