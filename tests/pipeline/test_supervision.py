"""Background loops that end are begun again, and say so."""

import asyncio

import pytest
from structlog.testing import capture_logs

from pipeline import metrics
from pipeline.errors import TryAgain
from pipeline.supervision import SupervisedLoop


class Ends:
    """A loop that ends some times, in one way or another, and then runs on."""

    def __init__(self, error: BaseException | None, times: int) -> None:
        self.begun = 0
        self.running = asyncio.Event()
        self._error = error
        self._times = times

    async def __call__(self) -> None:
        self.begun += 1
        if self.begun <= self._times:
            if self._error is not None:
                raise self._error
            return
        self.running.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    "error",
    [None, ValueError("秘密"), StopAsyncIteration(), asyncio.CancelledError()],
    ids=["by itself", "error", "odd", "what it waits for is cancelled"],
)
async def test_a_loop_that_ends_is_begun_again_until_it_runs(error: BaseException | None) -> None:
    before = metrics.LOOP_RESTARTS.labels("test")._value.get()  # noqa: SLF001 -- the counter's own
    ends = Ends(error, times=3)
    loop = SupervisedLoop("test", ends, first_pause=0.001)
    loop.start()
    async with asyncio.timeout(30):
        await ends.running.wait()
    trouble = loop.trouble
    await loop.stop()

    assert 4 == ends.begun
    assert "3 times" in trouble
    assert "秘密" not in trouble
    assert 3 == metrics.LOOP_RESTARTS.labels("test")._value.get() - before  # noqa: SLF001 -- as above
    assert "does not run" == loop.trouble


async def test_a_loop_whose_database_is_away_waits_and_is_no_error_in_the_log() -> None:
    ends = Ends(TryAgain("the database is away"), times=3)
    loop = SupervisedLoop("test", ends, first_pause=0.001)
    with capture_logs() as logged:
        loop.start()
        async with asyncio.timeout(30):
            await ends.running.wait()
    trouble = loop.trouble
    await loop.stop()

    assert "what it needs is away, tried 3 times" == trouble
    assert ["warning"] * 3 == [line["log_level"] for line in logged if line["event"] == "loop_restarts"]
    assert {"warning"} == {line["log_level"] for line in logged}


async def test_a_loop_that_ended_once_is_in_trouble_while_it_pauses_only() -> None:
    ends = Ends(ValueError(), times=1)
    loop = SupervisedLoop("test", ends, first_pause=0.001)
    loop.start()
    async with asyncio.timeout(30):
        await ends.running.wait()
    trouble = loop.trouble
    await loop.stop()

    assert "" == trouble


async def test_a_loop_may_finish() -> None:
    gate = asyncio.Event()

    async def run() -> None:
        await gate.wait()

    loop = SupervisedLoop("test", run)
    loop.start()
    asyncio.get_running_loop().call_soon(gate.set)
    async with asyncio.timeout(30):
        await loop.finish()

    assert gate.is_set()
