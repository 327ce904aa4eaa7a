"""Whether work costs no more than a bound, asked so that a busy or slow machine does not decide the answer."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TRIES = 5
"""Work of a kind that grows faster than its input exceeds a bound every time; a machine in trouble does not."""
USUAL_SECONDS = 0.05
"""What adding up a million numbers costs on the machine the bounds were set on."""


def costs_less_than(seconds: float, work: Callable[[], object]) -> bool:
    """Whether one of several runs of the work takes less processor time than the bound.

    Counts the time of this thread alone, without collections of garbage, whose cost depends on what other
    tests have left in memory. On a slower machine the bound is accordingly higher.
    """
    for _ in range(TRIES):
        taken = processor_seconds(work)
        if taken < seconds or taken < seconds * slowness():
            return True
    return False


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the processor seconds that this thread spends on the work."""
    with without_garbage_collection():
        began = time.thread_time()
        work()
        return time.thread_time() - began


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep collections, which look through what other tests have left in memory, out of a measurement."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def slowness() -> float:
    """Return how many times slower than usual the machine is just now, at least 1."""
    return max(1.0, processor_seconds(lambda: sum(number % 7 for number in range(1_000_000))) / USUAL_SECONDS)
