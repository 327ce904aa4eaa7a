"""The built-in model: the first answer anybody ever gets from webot."""

import asyncio

import pytest

from pipeline.answer import Exchange, Outcome, PartialAnswer
from pipeline.ports import Answerer
from tests.chains.harness import RecentMemory, ask, open_chains_harness, remembered


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("zh", ["演示模型", "“今天星期几？”", "之前的 2 轮", ".secrets.toml"]),
        ("en", ["Demo model", "2 earlier exchanges"]),
    ],
)
async def test_it_says_that_it_is_a_demo_and_what_it_saw(language: str, says: list[str]) -> None:
    memory = RecentMemory((Exchange("一", "1"), Exchange("二", "2")))

    async with open_chains_harness(memory=memory, chat={"language": language}) as it:
        said = await it.said("今天星期几？")

    assert [] == [words for words in says if words not in said]


async def test_it_quotes_briefly_and_without_markup() -> None:
    async with open_chains_harness() as it:
        said = await it.said("**粗** " + "长" * 100)

    assert "“\\*\\*粗\\*\\* " + "长" * 33 + "…”" in said


async def test_it_shows_the_persona_it_was_given() -> None:
    async with open_chains_harness(memory=RecentMemory(persona="你是诗人")) as it:
        assert "“你是诗人”" in await it.said("你好")


async def test_it_streams_what_it_says() -> None:
    async with open_chains_harness() as it:
        *drafts, end = await it.steps("你好", streams=True)

        assert len(drafts) > 3
        assert isinstance(drafts[-1], PartialAnswer)
        assert isinstance(end, Outcome)
        assert drafts[-1].text == remembered(end).exchange.answer


async def test_others_go_on_between_its_pieces_so_that_its_answer_is_seen_to_grow() -> None:
    steps = 0

    async def count_steps() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0)

    async with open_chains_harness() as it:
        counting = asyncio.create_task(count_steps())
        answerer: Answerer = it.chains
        moments = [steps async for _ in answerer.answer(ask("你好", streams=True))]
        counting.cancel()

    assert len(set(moments)) > 3


async def test_it_is_recorded_as_what_it_is() -> None:
    async with open_chains_harness() as it:
        made_by = remembered(await it.outcome("你好")).provenance

    assert ("demo", 0, 0) == (made_by.model, made_by.input_tokens, made_by.output_tokens)
