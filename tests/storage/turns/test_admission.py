"""Who comes in goes before who works."""

import asyncio

from storage.turns.admission import AdmissionGate


async def test_a_turn_begins_at_once_when_nobody_comes_in() -> None:
    waiting = AdmissionGate(longest=60).wait()

    async with asyncio.timeout(0):
        await waiting


async def test_a_turn_lets_in_who_is_coming() -> None:
    door = AdmissionGate(longest=60)
    order: list[str] = []

    async def turn() -> None:
        await door.wait()
        order.append("turn")

    with door.accepting():
        with door.accepting():
            begun = asyncio.create_task(turn())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("in")
    await asyncio.wait_for(begun, 5)

    assert ["in", "turn"] == order


async def test_turns_begin_under_a_flood_that_does_not_end() -> None:
    door = AdmissionGate(longest=0.01)

    with door.accepting():
        async with asyncio.timeout(30):
            await asyncio.gather(*(door.wait() for _ in range(100)))


async def test_others_are_heard_between_two_turns_that_begin() -> None:
    door = AdmissionGate(longest=60)
    order: list[str] = []

    async def turn(number: int) -> None:
        await door.wait()
        order.append(f"turn {number}")
        # What was ready before is run now, and before the next turn.
        asyncio.get_running_loop().call_soon(order.append, f"heard {number}")

    with door.accepting():
        turns = [asyncio.create_task(turn(number)) for number in range(3)]
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*turns), 5)

    assert ["turn 0", "heard 0", "turn 1", "heard 1", "turn 2", "heard 2"] == order


async def test_a_turn_that_is_stopped_while_it_waits_holds_nobody_up() -> None:
    door = AdmissionGate(longest=60)

    with door.accepting():
        stopped = asyncio.create_task(door.wait())
        following = asyncio.create_task(door.wait())
        await asyncio.sleep(0)
        stopped.cancel()
    await asyncio.wait_for(following, 5)

    assert stopped.cancelled()
