"""What is read from a long answer is read in a thread, so that nobody waits for it."""

import asyncio
import threading

import pytest

from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.response import MOST_INLINE, ModelResponse

_WENT_ON = threading.Event()


class Watched(ModelResponse):
    """Reads nothing before the event loop has gone on; false where it cannot."""

    went_on = True

    def parsed(self, *, whole: bool) -> ParsedAnswer:
        """Wait for the loop, then read."""
        type(self).went_on = _WENT_ON.wait(10)
        return super().parsed(whole=whole)


@pytest.mark.parametrize("reading", ["a draft", "calls of tools"])
async def test_the_loop_goes_on_while_a_long_answer_is_read(reading: str) -> None:
    _WENT_ON.clear()
    response = Watched(text="<think>a</think>b " * MOST_INLINE)
    work = response.parsed_aside(whole=False) if reading == "a draft" else response.read_written_calls({"now": {}})
    read = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    _WENT_ON.set()
    await read

    assert Watched.went_on


async def test_a_short_answer_is_read_at_once() -> None:
    assert "b" == (await ModelResponse(text="<think>a</think>b").parsed_aside(whole=True)).content
