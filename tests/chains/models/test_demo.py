"""The built-in model: the first answer anybody ever gets from webot."""

import pytest

from pipeline.answer import Exchange, Outcome, PartialAnswer
from tests.chains.harness import RecentMemory, open_chains_harness, remembered


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


async def test_it_is_recorded_as_what_it_is() -> None:
    async with open_chains_harness() as it:
        made_by = remembered(await it.outcome("你好")).provenance

    assert ("demo", 0, 0) == (made_by.model, made_by.input_tokens, made_by.output_tokens)
