"""What is read from a long answer is read in a thread, so that nobody waits for it."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.response import MOST_INLINE, ModelResponse
from pipeline.steps.deadline_thread import DeadlineThreads

_WENT_ON = threading.Event()


class Watched(ModelResponse):
    """Reads nothing before the event loop has gone on; false where it cannot."""

    went_on = True

    def parsed(self, *, whole: bool) -> ParsedAnswer:
        """Wait for the loop, then read."""
        type(self).went_on = _WENT_ON.wait(60)
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


class Unreadable(ModelResponse):
    """Reads nothing before it is let go, as a text would be read that takes more than linear time."""

    let_go = threading.Event()
    readings = 0

    def parsed(self, *, whole: bool) -> ParsedAnswer:
        """Wait, then read."""
        type(self).readings += 1
        type(self).let_go.wait(60)
        return super().parsed(whole=whole)


class Raising(ModelResponse):
    """Cannot be read."""

    def parsed(self, *, whole: bool) -> ParsedAnswer:
        """Raise what a parser might."""
        raise ValueError(self.text, whole)


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    Unreadable.let_go.clear()
    Unreadable.readings = 0
    yield Unreadable.let_go
    Unreadable.let_go.set()


@pytest.mark.usefixtures("let_go")
@pytest.mark.parametrize(("kind", "error"), [(Unreadable, "TimeoutError"), (Raising, "ValueError")])
@pytest.mark.parametrize("reading", ["a draft", "calls of tools", "the answer"])
async def test_an_answer_that_is_not_read_in_time_is_shown_as_it_is_and_the_log_says_so(
    kind: type[ModelResponse], error: str, reading: str
) -> None:
    text = "secret <think>a</think> " * MOST_INLINE
    readers = DeadlineThreads("test", deadline=0.01 if kind is Unreadable else 10)
    response = kind(text=text, reasoning="hm ", trace="7", readers=readers)
    with capture_logs() as logs:
        if reading == "calls of tools":
            await response.read_written_calls({"now": {}})
        parsed = await response.parsed_aside(whole=reading == "the answer")
        again = await response.parsed_aside(whole=True)

    assert ParsedAnswer("hm", text.strip()) == parsed == again
    assert not response.tool_requests
    assert [("answer_not_parsed", "7", error)] == [(line["event"], line["trace"], line["error"]) for line in logs]
    assert "secret" not in repr(logs)


async def test_one_reading_that_hangs_does_not_keep_others_from_theirs(let_go: threading.Event) -> None:
    readers = DeadlineThreads("test", deadline=0.01)
    long = "<think>a</think>b " * MOST_INLINE
    await Unreadable(text=long, readers=readers).parsed_aside(whole=True)
    read = await ModelResponse(text=long, readers=DeadlineThreads("test")).parsed_aside(whole=True)
    let_go.set()

    assert ("a", "b b") == (read.reasoning[:1], read.content[:3])


async def test_work_beyond_what_may_hang_is_refused_until_it_ends(let_go: threading.Event) -> None:
    """Each takes its share of the CPU."""
    threads = DeadlineThreads("test", deadline=0.01)
    begun: list[int] = []

    def hang() -> None:
        begun.append(len(begun))
        let_go.wait(60)

    for _ in range(5):
        with pytest.raises(TimeoutError):
            await threads.run(hang)

    assert [0, 1] == begun


async def test_work_that_waits_for_the_machine_is_waited_for_beyond_the_deadline() -> None:
    go_on, loop = threading.Event(), asyncio.get_running_loop()
    threads = DeadlineThreads("test", deadline=0.05, patience=1000)
    loop.call_later(0.2, go_on.set)

    assert await threads.run(lambda: go_on.wait(60))


async def test_work_that_uses_the_machine_is_not(let_go: threading.Event) -> None:
    threads = DeadlineThreads("test", deadline=0.05, patience=1000)

    def work() -> None:
        while not let_go.is_set():
            pass

    with pytest.raises(TimeoutError):
        await threads.run(work)


def test_the_same_threads_serve_one_loop_after_the_other() -> None:
    threads = DeadlineThreads("test")

    async def run_two() -> tuple[int, int]:
        one, two = await asyncio.gather(threads.run(lambda: 1), threads.run(lambda: 2))
        return one, two

    assert [(1, 2), (1, 2)] == [asyncio.run(run_two()) for _ in range(2)]
