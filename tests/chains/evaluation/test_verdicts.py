"""Two versions compared: what a fallback said, or what is cut, is marked, counted by itself, and judged by nobody."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from chains.evaluation.replay import (
    ComparedAnswers,
    ReplayQuestion,
    add_up,
    changed_line,
    page,
    replay,
)
from chains.evaluation.tester import AnswerCache, ChainTester, TrialAnswer
from chains.evaluation.verdicts import Verdict, judge_pair
from chains.models.registry import ModelRegistry
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says

LIVE = ChainConfig(name="hr", command="@hr", system_prompt="one")
DRAFT = ChainConfig(name="hr", command="@hr", system_prompt="two")
WHOLE = TrialAnswer(text="five days", model="m", table="default", asked="default", input_tokens=9, milliseconds=10)
STOOD_IN = TrialAnswer(
    text="ten days", model="s", table="spare", asked="default", stood_in=True, input_tokens=70, cost=5, milliseconds=900
)
CUT = TrialAnswer(text="five da", model="m", table="default", asked="default", cut="length", output_tokens=40)
FAILED = TrialAnswer(error="[models.default]: the key is wrong", asked="default")
# The checksum decides which answer the judge reads first.
LIVE_FIRST, DRAFT_FIRST = "holidays", "holiday?"


class Judge:
    """A model that fails where its chain says so, and judges as a test wants."""

    def __init__(self, verdict: str) -> None:
        self.verdict = verdict

    def __call__(self, body: Mapping[str, Any]) -> Act:
        system = body["messages"][0]["content"]
        if system.startswith("You compare"):
            return Says(self.verdict)
        if body["model"] == "spare-model":
            return Says("from the spare")
        return Fails(500) if system == "two" else Says(f"{system}: {body['messages'][-1]['content']}")


@pytest.fixture
def judge() -> Judge:
    return Judge('{"better": "a", "why": "shorter"}')


@pytest.fixture
async def server(judge: Judge) -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(otherwise=judge) as opened:
        yield opened


@pytest.fixture
async def tester(server: OpenAIServer, tmp_path: Path) -> AsyncIterator[ChainTester]:
    table = {"model": "m", "base_url": server.base_url, "max_retries": 0}
    tables = {"default": {**table, "fallbacks": ["spare"]}, "spare": {**table, "model": "spare-model"}}
    settings = Settings.model_validate({"models": tables})
    models = ModelRegistry(settings, ENGLISH)
    yield ChainTester(models, settings.chat, ENGLISH, answers=AnswerCache(tmp_path))
    await models.aclose()


# Reads the catalogue, which is not for the event loop.
ENGLISH = Catalogue("en")


def pair(live: TrialAnswer, draft: TrialAnswer, text: str = LIVE_FIRST) -> ComparedAnswers:
    return ComparedAnswers(ReplayQuestion(7, text), live, draft)


async def test_a_fallbacks_answer_is_marked_counts_as_no_change_and_is_not_kept(
    tester: ChainTester, server: OpenAIServer
) -> None:
    questions = [ReplayQuestion(7, "holidays")]
    (first,) = [each async for each in replay(tester, LIVE, DRAFT, questions)]
    asked = len(server.bodies)
    (again,) = [each async for each in replay(tester, LIVE, DRAFT, questions)]

    assert (False, True, True) == (first.changed, first.unfit, first.draft.stood_in)
    assert ("[models.default] gave no answer: [models.spare] (spare-model) stood in for it",) == first.doubts
    # The live answer is known; the model of the draft is asked once more, and fails again.
    assert (True, False) == (again.live.cached, again.draft.cached)
    assert {"two"} == {body["messages"][0]["content"] for body in server.bodies[asked:]}


@pytest.mark.parametrize(
    ("live", "draft", "changed", "unfit", "doubts"),
    [
        pytest.param(WHOLE, WHOLE, False, False, (), id="the same"),
        pytest.param(WHOLE, TrialAnswer(text="six days"), True, False, (), id="another"),
        pytest.param(WHOLE, FAILED, True, False, (FAILED.error,), id="the draft fails"),
        pytest.param(FAILED, FAILED, False, False, (FAILED.error, FAILED.error), id="both fail"),
        pytest.param(WHOLE, STOOD_IN, False, True, STOOD_IN.unfit, id="another model answers for the draft"),
        pytest.param(STOOD_IN, WHOLE, False, True, STOOD_IN.unfit, id="another model answers for the live version"),
        pytest.param(
            WHOLE,
            CUT,
            False,
            True,
            ("the answer is incomplete: it reached the length limit",),
            id="the draft's answer is cut",
        ),
        pytest.param(CUT, FAILED, False, True, (FAILED.error, *CUT.unfit), id="one is cut, one fails"),
    ],
)
def test_only_whole_answers_of_the_model_itself_are_compared(
    live: TrialAnswer, draft: TrialAnswer, *, changed: bool, unfit: bool, doubts: tuple[str, ...]
) -> None:
    compared = pair(live, draft)

    assert (changed, unfit, doubts) == (compared.changed, compared.unfit, compared.doubts)


def test_what_unfit_answers_took_is_in_no_sum() -> None:
    total = add_up([WHOLE, STOOD_IN, CUT, FAILED])

    assert (4, 1, 2) == (total.answers, total.errors, total.unfit)
    assert (9, 0, 0, 10) == (total.input_tokens, total.output_tokens, total.cost, total.milliseconds)


def test_the_page_marks_what_cannot_be_compared_and_shows_it_after_what_changed() -> None:
    compared = [
        pair(WHOLE, WHOLE, "same?"),
        pair(WHOLE, STOOD_IN, "stood in?"),
        pair(WHOLE, CUT, "cut?"),
        pair(WHOLE, TrialAnswer(text="six days"), "changed?"),
    ]
    written = page("hr", ("aaa", "bbb"), compared, words=ENGLISH)

    assert "1 of 4 answers changed; 2 cannot be compared: cut, or given by another model" == changed_line(compared)
    assert f"hr: {changed_line(compared)}</h1>" in written.replace("&#x27;", "'")
    assert "<strong>[models.default] gave no answer: [models.spare] (s) stood in for it</strong>" in written
    assert "<strong>the answer is incomplete: it reached the length limit</strong>" in written
    places = [written.index(f"<h2>{text}") for text in ("changed?", "stood in?", "cut?", "same?")]
    assert sorted(places) == places


@pytest.mark.parametrize(
    ("text", "said", "verdict"),
    [
        pytest.param(LIVE_FIRST, "a", "worse", id="the live one, read first, is better"),
        pytest.param(LIVE_FIRST, "b", "better", id="the draft, read second, is better"),
        pytest.param(DRAFT_FIRST, "a", "better", id="the draft, read first, is better"),
        pytest.param(DRAFT_FIRST, "b", "worse", id="the live one, read second, is better"),
        pytest.param(LIVE_FIRST, "neither", "same", id="neither is"),
    ],
)
async def test_a_judge_reads_the_answers_in_either_order(
    tester: ChainTester, server: OpenAIServer, judge: Judge, text: str, said: str, verdict: Verdict
) -> None:
    judge.verdict = f'Well: {{"better": "{said}", "why": "so"}}'
    found = await judge_pair(tester, pair(WHOLE, TrialAnswer(text="six"), text), rubric="short", judge="default")

    assert (verdict, "so") == found
    asked = server.bodies[-1]["messages"][-1]["content"]
    assert (asked.index("five days") < asked.index("six")) == (text == LIVE_FIRST)


@pytest.mark.parametrize(
    ("live", "draft", "why"),
    [
        pytest.param(WHOLE, STOOD_IN, STOOD_IN.unfit[0], id="another model answered"),
        pytest.param(CUT, WHOLE, CUT.unfit[0], id="one is cut"),
        pytest.param(WHOLE, FAILED, FAILED.error, id="one failed"),
    ],
)
async def test_no_judge_is_paid_for_answers_that_cannot_be_compared(
    tester: ChainTester, server: OpenAIServer, live: TrialAnswer, draft: TrialAnswer, why: str
) -> None:
    assert ("", why) == await judge_pair(tester, pair(live, draft), rubric="short", judge="default")
    assert [] == server.bodies


async def test_equal_answers_need_no_judge(tester: ChainTester, server: OpenAIServer) -> None:
    assert ("same", "") == await judge_pair(tester, pair(WHOLE, WHOLE), rubric="short", judge="default")
    assert [] == server.bodies


@pytest.mark.parametrize(
    "said", ["I like the first", "[1]", '{"better": "both"}', "{" * 5000 + "}", '{"better": ["a"], "why": {}}']
)
async def test_what_is_no_verdict_is_told_as_that(tester: ChainTester, judge: Judge, said: str) -> None:
    judge.verdict = said
    verdict, why = await judge_pair(tester, pair(WHOLE, TrialAnswer(text="six")), rubric="short", judge="default")

    assert ("", "the model 'default' did not answer as a judge does") == (verdict, why)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        pytest.param(
            Says('{"better": "a"', finish="length"),
            "the answer is incomplete: it reached the length limit",
            id="it is cut",
        ),
        pytest.param(Fails(500), "[models.default] gave no answer: [models.spare] (spare-model) stood", id="it failed"),
    ],
)
async def test_a_judge_that_is_cut_or_replaced_judges_nothing(
    tester: ChainTester, server: OpenAIServer, act: Act, why: str
) -> None:
    server.script(act)
    verdict, said = await judge_pair(tester, pair(WHOLE, TrialAnswer(text="six")), rubric="short", judge="default")

    assert "" == verdict
    assert said.startswith(why)


async def test_an_answer_kept_by_a_version_that_knew_no_fallbacks_is_asked_for_again(
    tester: ChainTester, server: OpenAIServer, tmp_path: Path
) -> None:
    await tester.ask(LIVE, "holidays")

    def make_old() -> None:
        (kept,) = tmp_path.glob("*.json")
        kept.write_text(kept.read_text("utf-8").replace('"stood_in": false, ', ""), "utf-8")

    await asyncio.to_thread(make_old)

    assert not (await tester.ask(LIVE, "holidays")).cached
    assert 2 == len(server.bodies)
