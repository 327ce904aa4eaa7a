"""Who comes in goes before who works."""

import asyncio

from storage.door import Door


async def test_a_turn_begins_at_once_when_nobody_comes_in() -> None:
    waiting = Door(longest=60).let_in()

    async with asyncio.timeout(0):
        await waiting


async def test_a_turn_lets_in_who_is_coming() -> None:
    door = Door(longest=60)
    order: list[str] = []

    async def turn() -> None:
        await door.let_in()
        order.append("turn")

    with door.coming_in():
        with door.coming_in():
            begun = asyncio.create_task(turn())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("in")
    await asyncio.wait_for(begun, 5)

    assert ["in", "turn"] == order


async def test_turns_begin_under_a_flood_that_does_not_end() -> None:
    door = Door(longest=0.01)

    with door.coming_in():
        async with asyncio.timeout(5):
            await asyncio.gather(*(door.let_in() for _ in range(100)))


async def test_others_are_heard_between_two_turns_that_begin() -> None:
    door = Door(longest=60)
    order: list[str] = []

    async def turn(number: int) -> None:
        await door.let_in()
        order.append(f"turn {number}")
        # What was ready before is run now, and before the next turn.
        asyncio.get_running_loop().call_soon(order.append, f"heard {number}")

    with door.coming_in():
        turns = [asyncio.create_task(turn(number)) for number in range(3)]
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*turns), 5)

    assert ["turn 0", "heard 0", "turn 1", "heard 1", "turn 2", "heard 2"] == order


async def test_a_turn_that_is_stopped_while_it_waits_holds_nobody_up() -> None:
    door = Door(longest=60)

    with door.coming_in():
        stopped = asyncio.create_task(door.let_in())
        following = asyncio.create_task(door.let_in())
        await asyncio.sleep(0)
        stopped.cancel()
    await asyncio.wait_for(following, 5)

    assert stopped.cancelled()
