"""Who carries a turn when the settings change: the shift that took it, and nobody waits for another."""

import asyncio
from datetime import UTC, datetime

import pytest

from chains.router import Chains, open_chains
from pipeline.answer import Outcome
from pipeline.events import InboundEvent, Person, Text
from pipeline.replies import TextReply
from pipeline.settings import Limits, Settings
from pipeline.text.i18n import Catalogue
from pipeline.turn import Turns
from pipeline.turn_state import (
    Finished,
    Turn,
)
from tests.chains.harness import CountingStopper, RecentMemory
from tests.fakes.turns import FakeAnswerer, FakeChannel, FakeJournal
from tests.service import until
from web.generations import Generation, Generations

SETTINGS = Settings()


def a_turn(number: int) -> Turn:
    event = InboundEvent(str(number), Person("fake", "张三"), Text("你好"), datetime(2026, 11, 22, tzinfo=UTC))
    return Turn(number, "fake/张三", 1, event, 0.0)


async def chains(former: Chains | None = None) -> Chains:
    return await asyncio.to_thread(
        open_chains, SETTINGS, memory=RecentMemory(), stopper=CountingStopper(), former=former
    )


def shift(it: Chains, answerer: FakeAnswerer, channel: FakeChannel) -> Generation:
    turns = Turns(
        channels={"fake": channel},
        chains={"fake": "default"},
        answerer=answerer,
        guards=(),
        journal=FakeJournal(),
        catalogue=Catalogue("zh"),
        limits=Limits(),
        thinking_seconds=0.0,
    )
    return Generation(SETTINGS, it, turns)


def saying(text: str) -> FakeAnswerer:
    return FakeAnswerer(Outcome((TextReply(text),)))


@pytest.mark.parametrize("cancelled", [False, True], ids=["a turn that ends", "a turn that is stopped"])
async def test_a_former_shift_goes_after_its_last_turn(cancelled: bool) -> None:  # noqa: FBT001 (pytest's)
    channel, slow, quick = FakeChannel(), saying("旧"), saying("新")
    slow.gate.clear()
    first = await chains()
    shifts = Generations(shift(first, slow, channel))
    under_way = asyncio.create_task(shifts.run(a_turn(1)))
    await until(lambda: slow.asked)
    shifts.replace(shift(await chains(first), quick, channel))
    verdict = await shifts.run(a_turn(2))

    assert isinstance(verdict, Finished)
    assert ["新"] == channel.sent
    assert 1 == shifts.draining
    if cancelled:
        under_way.cancel()
    slow.gate.set()
    await asyncio.gather(under_way, return_exceptions=True)
    await until(lambda: not shifts.draining)

    assert (["新"] if cancelled else ["新", "旧"]) == channel.sent
    await shifts.close()


async def test_at_the_end_former_shifts_are_let_go_too() -> None:
    channel, slow = FakeChannel(), saying("旧")
    slow.gate.clear()
    first = await chains()
    shifts = Generations(shift(first, slow, channel))
    under_way = asyncio.create_task(shifts.run(a_turn(1)))
    await until(lambda: slow.asked)
    shifts.replace(shift(await chains(first), saying("新"), channel))
    await shifts.close()
    under_way.cancel()
    await asyncio.gather(under_way, return_exceptions=True)

    assert 0 == shifts.draining
