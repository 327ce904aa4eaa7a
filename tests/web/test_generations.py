"""A turn ends on the generation it began with, whatever is edited meanwhile, and none waits for another."""

import asyncio
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
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


def generation(it: Chains, answerer: FakeAnswerer, channel: FakeChannel) -> Generation:
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
async def test_a_former_generation_is_closed_after_its_last_turn(cancelled: bool) -> None:  # noqa: FBT001 (pytest's)
    channel, slow, quick = FakeChannel(), saying("旧"), saying("新")
    slow.gate.clear()
    first = await chains()
    generations = Generations(generation(first, slow, channel))
    under_way = asyncio.create_task(generations.run(a_turn(1)))
    await until(lambda: slow.asked)
    generations.replace(generation(await chains(first), quick, channel))
    verdict = await generations.run(a_turn(2))

    assert isinstance(verdict, Finished)
    assert ["新"] == channel.sent
    assert 1 == generations.draining
    if cancelled:
        under_way.cancel()
    slow.gate.set()
    await asyncio.gather(under_way, return_exceptions=True)
    await until(lambda: not generations.draining)

    assert (["新"] if cancelled else ["新", "旧"]) == channel.sent
    await generations.close()


async def test_at_the_end_former_generations_are_let_go_too() -> None:
    channel, slow = FakeChannel(), saying("旧")
    slow.gate.clear()
    first = await chains()
    generations = Generations(generation(first, slow, channel))
    under_way = asyncio.create_task(generations.run(a_turn(1)))
    await until(lambda: slow.asked)
    generations.replace(generation(await chains(first), saying("新"), channel))
    await generations.close()
    under_way.cancel()
    await asyncio.gather(under_way, return_exceptions=True)

    assert 0 == generations.draining


async def test_an_edit_of_chains_keeps_the_models_and_every_turn_under_way() -> None:
    channel, slow = FakeChannel(), saying("旧")
    slow.gate.clear()
    first = await chains()
    before = generation(first, slow, channel)
    generations = Generations(before)
    under_way = asyncio.create_task(generations.run(a_turn(1)))
    await until(lambda: slow.asked)
    catalog = ChainCatalog({"default": ChainConfig(name="default", description="edited")})
    generations.serve(catalog)

    assert catalog is generations.now.catalog
    assert catalog is not before.catalog
    assert before.chains.services is generations.now.chains.services
    assert (SETTINGS, 0) == (generations.now.settings, generations.draining)
    served = generations.now
    generations.serve(catalog)
    assert served is generations.now

    # Other settings close what both generations use, after the turn that began under the first.
    generations.replace(generation(await chains(served.chains), saying("新"), channel))
    assert 1 == generations.draining
    slow.gate.set()
    await under_way
    await until(lambda: not generations.draining)

    assert ["旧"] == channel.sent
    await generations.close()


async def test_a_generation_cannot_be_changed() -> None:
    it = generation(await chains(), saying("一"), FakeChannel())

    with pytest.raises(FrozenInstanceError):
        it.settings = Settings()  # type: ignore[misc]
    await it.chains.aclose()
