"""When a turn may begin: callbacks go first, and nobody who found no room is left waiting once there is some."""

import asyncio
from collections.abc import Awaitable, Callable

from pipeline.answer import Outcome
from pipeline.replies import Receipt, TextPart
from pipeline.turn_state import Finished, Postponed, Turn, Verdict
from storage.database.engine import Database
from storage.turns.admission import AdmissionGate, Capacity
from storage.turns.worker import Worker
from tests.storage.turns.test_worker import LI, ZHANG, accept, said


async def test_a_turn_begins_at_once_when_nobody_comes_in() -> None:
    waiting = AdmissionGate(longest=60).wait()

    async with asyncio.timeout(0):
        await waiting


async def test_a_turn_lets_in_who_is_coming() -> None:
    gate = AdmissionGate(longest=60)
    order: list[str] = []

    async def turn() -> None:
        await gate.wait()
        order.append("turn")

    with gate.accepting():
        with gate.accepting():
            begun = asyncio.create_task(turn())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("in")
    await asyncio.wait_for(begun, 60)

    assert ["in", "turn"] == order


async def test_turns_begin_under_a_flood_that_does_not_end() -> None:
    gate = AdmissionGate(longest=0.01)

    with gate.accepting():
        async with asyncio.timeout(30):
            await asyncio.gather(*(gate.wait() for _ in range(100)))


async def test_others_are_heard_between_two_turns_that_begin() -> None:
    gate = AdmissionGate(longest=60)
    order: list[str] = []

    async def turn(number: int) -> None:
        await gate.wait()
        order.append(f"turn {number}")
        # What was ready before is run now, and before the next turn.
        asyncio.get_running_loop().call_soon(order.append, f"heard {number}")

    with gate.accepting():
        turns = [asyncio.create_task(turn(number)) for number in range(3)]
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*turns), 60)

    assert ["turn 0", "heard 0", "turn 1", "heard 1", "turn 2", "heard 2"] == order


async def test_a_turn_that_is_stopped_while_it_waits_holds_nobody_up() -> None:
    gate = AdmissionGate(longest=60)

    with gate.accepting():
        stopped = asyncio.create_task(gate.wait())
        following = asyncio.create_task(gate.wait())
        await asyncio.sleep(0)
        stopped.cancel()
    await asyncio.wait_for(following, 60)

    assert stopped.cancelled()


def test_whoever_found_no_room_is_told_once_there_is_some() -> None:
    running, calls = [1], []
    capacity = Capacity(2, running=lambda: running[0], freed=lambda: calls.append("free"))

    with capacity.reserved(1):
        assert not capacity.has_room()
        capacity.tell()
        assert [] == calls
    capacity.tell()
    capacity.tell()

    assert ["free"] == calls
    assert capacity.has_room()


def test_nobody_is_told_who_did_not_ask() -> None:
    calls: list[str] = []
    capacity = Capacity(1, running=lambda: 0, freed=lambda: calls.append("free"))
    assert capacity.has_room()

    capacity.tell()

    assert [] == calls


async def test_a_lane_goes_on_whose_turn_ended_while_a_repetition_took_the_last_room(database: Database) -> None:
    worker = Worker(database, most=2)
    again: list[asyncio.Task[bool]] = []

    async def repeated_meanwhile(turn: Turn) -> None:
        again.append(asyncio.create_task(accept(worker, turn.event)))
        await asyncio.sleep(0)

    ended = await _run(worker, repeated_meanwhile)
    await accept(worker, said(ZHANG, "1"))
    await asyncio.gather(*(accept(worker, said(ZHANG, f"{n}")) for n in range(2, 40)))

    await ended(39)
    await worker.close()


async def test_a_turn_that_was_put_off_begins_though_a_repetition_had_the_last_room(database: Database) -> None:
    worker = Worker(database, most=2)
    gate = asyncio.Event()
    again: list[asyncio.Task[bool]] = []

    async def looked_for_room_meanwhile(turn: Turn) -> None:
        if turn.lane.endswith("lisi"):
            for _ in range(5):
                again.append(asyncio.create_task(accept(worker, turn.event)))
                await asyncio.sleep(0)
                worker.resize(most=2, drain_seconds=5, turn_attempts=3)
                await again[-1]
            await gate.wait()

    ended = await _run(worker, looked_for_room_meanwhile, put_off=("later",))
    await accept(worker, said(ZHANG, "later"))
    await accept(worker, said(LI, "hold"))

    await ended(1)
    gate.set()
    await ended(2)
    await worker.close()


async def _run(
    worker: Worker, during: Callable[[Turn], Awaitable[None]], put_off: tuple[str, ...] = ()
) -> Callable[[int], Awaitable[None]]:
    """Start a worker whose turns do `during` last; what is returned waits until so many have ended."""
    ended = 0
    changed = asyncio.Condition()

    async def run(turn: Turn) -> Verdict:
        nonlocal ended
        if turn.event.key.endswith(put_off) and put_off and not turn.attempts:
            return Postponed(0.3, "not yet")
        answered = await worker.answered(turn, Outcome(()), [TextPart("好", "text")])
        assert answered.parts
        await during(turn)
        async with changed:
            ended += 1
            changed.notify_all()
        return Finished("done", (answered.parts[-1], Receipt("m1")))

    async def until(count: int) -> None:
        # Far below the 60 s after which the dispatcher looks by itself.
        async with asyncio.timeout(30), changed:
            await changed.wait_for(lambda: ended >= count)

    await worker.start(run)
    return until
