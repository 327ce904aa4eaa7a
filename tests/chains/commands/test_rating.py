"""Judging the latest answer, by command, by sign and by click."""

import pytest

from pipeline.answer import Outcome, Rated
from pipeline.events import Clicked, Content, Text
from pipeline.replies import TextReply
from pipeline.text.i18n import Catalogue
from tests.chains.harness import RecentMemory, open_chains_harness, remembered

ZH = Catalogue("zh")
GOOD, BAD = Rated(good=True), Rated(good=False)


@pytest.mark.parametrize(
    ("content", "judged"),
    [
        pytest.param(Text("@good"), GOOD, id="a command"),
        pytest.param(Text("＠好评"), GOOD, id="in Chinese"),
        pytest.param(Text("@👍"), GOOD, id="an @ with a thumb"),
        pytest.param(Text("👍"), GOOD, id="a thumb alone"),
        pytest.param(Text(" 👍🏽 👍\ufe0f\n"), GOOD, id="thumbs of any colour"),
        pytest.param(Text("[强]"), GOOD, id="the keyboard's own thumb"),
        pytest.param(Text("[强][强][强]"), GOOD, id="several of them"),
        pytest.param(Clicked("@good"), GOOD, id="a button"),
        pytest.param(Text("@good 写得很好"), Rated(good=True, why="写得很好"), id="praise with words"),
        pytest.param(Text("@bad"), BAD, id="blame"),
        pytest.param(Text("👎🏿"), BAD, id="a thumb down"),
        pytest.param(Text("[弱]"), BAD, id="the keyboard's own thumb down"),
        pytest.param(Clicked("@bad"), BAD, id="a button for blame"),
        pytest.param(Text("@差评  答非\x00所问\n又太长 "), Rated(good=False, why="答非所问\n又太长"), id="why"),
    ],
)
async def test_the_latest_answer_is_judged(content: Content, judged: Rated) -> None:
    async with open_chains_harness(memory=RecentMemory(answers=True)) as it:
        outcome = await it.outcome(content)

    assert (judged,) == outcome.changes


@pytest.mark.parametrize("text", ["👍好的", "👍👎", "👍" * 65, "强", "good", "🏽"])
async def test_what_says_anything_else_is_for_the_model(text: str) -> None:
    async with open_chains_harness(memory=RecentMemory(answers=True)) as it:
        outcome = await it.outcome(text)

    assert text == remembered(outcome).exchange.question


@pytest.mark.parametrize("said", ["@good", "@bad 太慢", "👎"])
async def test_as_long_as_nothing_was_answered_there_is_nothing_to_judge(said: str) -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome(said)

    assert Outcome((TextReply(ZH.text("rating.nothing")),)) == outcome


async def test_who_finds_fault_without_a_word_is_told_how_to_say_why() -> None:
    async with open_chains_harness(memory=RecentMemory(answers=True)) as it:
        assert ZH.text("rating.bad_why") == await it.said("👎")
        assert ZH.text("rating.bad") == await it.said("@bad 太慢")
        assert ZH.text("rating.good") == await it.said("👍")
