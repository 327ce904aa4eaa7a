"""Chains tried outside the service: asking, cases, and real questions put to two versions."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.config import Case, ChainConfig
from chains.evaluation.cases import CaseResult, run_cases
from chains.evaluation.replay import (
    ComparedAnswers,
    ReplayQuestion,
    add_up,
    mark_differences,
    masked_question,
    page,
    replay,
)
from chains.evaluation.tester import AnswerCache, ChainTester, TrialAnswer
from chains.models.registry import ModelRegistry
from pipeline.answer import Exchange
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says

ONE = ChainConfig(name="hr", command="@hr", system_prompt="one", options={"temperature": 0.1})
TWO = ChainConfig(name="hr", command="@hr", system_prompt="two")


@asynccontextmanager
async def trier(
    server: OpenAIServer, folder: Path | None = None, *, at_once: int = 4, **options: float
) -> AsyncIterator[ChainTester]:
    table = {"model": "m", "base_url": server.base_url, "max_retries": 0, **options}
    settings = Settings.model_validate({"models": {"default": table}})
    # Reads the sentences.
    words = await asyncio.to_thread(Catalogue, "zh")
    models = ModelRegistry(settings, words)
    try:
        yield ChainTester(models, settings.chat, words, answers=AnswerCache(folder), at_once=at_once)
    finally:
        await models.aclose()


async def test_an_answer_comes_in_pieces_with_what_it_took(server: OpenAIServer) -> None:
    server.script(Says("<think>hm</think>Hello there", usage=(12, 3)))
    async with trier(server) as it:
        pieces = [piece async for piece in it.stream(await it.prepare(ONE, "hi"))]

    *said, tried = pieces
    assert isinstance(tried, TrialAnswer)
    assert "Hello there" == "".join(str(piece) for piece in said) == tried.text
    assert (12, 3, "") == (tried.input_tokens, tried.output_tokens, tried.error)
    assert 0 <= tried.first_milliseconds <= tried.milliseconds


async def test_what_is_shown_is_what_is_sent(server: OpenAIServer) -> None:
    async with trier(server) as it:
        sent = await it.prepare(ONE, "hi", [Exchange("before", "after")])
        await it.ask(ONE, "hi", [Exchange("before", "after")])

    asked = server.bodies[0]
    assert [("system", "one"), ("user", "before"), ("assistant", "after"), ("user", "hi")] == sent.transcript()
    assert sent.transcript() == [(message["role"], message["content"]) for message in asked["messages"]]
    assert 0.1 == asked["temperature"]


async def test_what_was_asked_before_costs_nothing(server: OpenAIServer, tmp_path: Path) -> None:
    async with trier(server, tmp_path) as it:
        first = await it.ask(ONE, "hi")
        again = await it.ask(ONE, "hi")
        other = await it.ask(TWO, "hi")

    assert (False, True, False) == (first.cached, again.cached, other.cached)
    assert first.text == again.text
    assert 2 == len(server.bodies)


async def test_an_answer_kept_costs_what_it_would_at_todays_price(server: OpenAIServer, tmp_path: Path) -> None:
    server.script(Says("Hello", usage=(1000, 10), cached=400))
    async with trier(server, tmp_path, input_price=2.0, output_price=8.0) as it:
        first = await it.ask(ONE, "hi")
    async with trier(server, tmp_path, input_price=2.0, cached_input_price=1.0, output_price=8.0) as it:
        again = await it.ask(ONE, "hi")

    assert (2080, 1680, True) == (first.cost, again.cost, again.cached)


async def test_a_failure_is_told_and_not_kept(server: OpenAIServer, tmp_path: Path) -> None:
    server.script(Fails(500))
    async with trier(server, tmp_path) as it:
        failed = await it.ask(ONE, "hi")
        again = await it.ask(ONE, "hi")

    assert "[models.default]: " in failed.error
    assert "" == again.error


def judging(body: Mapping[str, Any]) -> Act:
    """Answer as a judge where one is asked, else with what the question says."""
    messages = body["messages"]
    if messages[0]["content"].startswith("You check"):
        return Says('Well: {"yes": false, "why": "no"}' if "never" in messages[-1]["content"] else '{"yes": true}')
    return Says(messages[-1]["content"])


@pytest.mark.parametrize(
    ("case", "faults"),
    [
        pytest.param({"contains": ("HELLO",)}, (), id="words, large or small"),
        pytest.param({"contains": ("bye",)}, ("does not contain 'bye'",), id="words that are not there"),
        pytest.param({"not_contains": ("World",)}, ("contains 'World'",), id="words that should not be there"),
        pytest.param({"matches": r"^hello \w+$"}, (), id="a pattern"),
        pytest.param({"matches": "^world"}, ("does not match '^world'",), id="a pattern that is not there"),
        pytest.param({"rubric": "always"}, (), id="a judge says yes"),
        pytest.param({"rubric": "never"}, ("the rubric is not met: never (no)",), id="a judge says no"),
    ],
)
async def test_a_case_is_held_to_what_it_says(case: dict[str, Any], faults: tuple[str, ...]) -> None:
    chain = ChainConfig(name="hr", cases=(Case(input="hello world", **case),))
    async with OpenAIServer(otherwise=judging) as server, trier(server) as it:
        (result,) = [each async for each in run_cases(it, [chain], judge="default")]

    assert faults == result.faults
    assert (not faults) == result.passed


async def test_a_judge_that_does_not_judge_is_a_fault(server: OpenAIServer) -> None:
    chain = ChainConfig(name="hr", cases=(Case(input="hello", rubric="nice"),))
    async with trier(server) as it:
        (result,) = [each async for each in run_cases(it, [chain], judge="default")]

    assert "was not judged" in result.faults[0]


async def test_all_cases_of_all_chains_are_run(server: OpenAIServer) -> None:
    cases = tuple(Case(input=f"{number}", contains=("echo",)) for number in range(20))
    chains = [ChainConfig(name=name, cases=cases) for name in ("a", "b")]
    async with trier(server, at_once=3) as it:
        results: list[CaseResult] = [each async for each in run_cases(it, chains, judge="default")]

    assert {(name, number) for name in "ab" for number in range(1, 21)} == {
        (result.chain, result.number) for result in results
    }
    assert all(result.passed for result in results)


async def test_two_versions_are_asked_the_same(server: OpenAIServer) -> None:
    question = masked_question(7, "call 13812345678", [Exchange("me@example.com", "ok")])
    async with trier(server) as it:
        (compared,) = [each async for each in replay(it, ONE, TWO, [question])]

    assert ["one", "two"] == sorted(body["messages"][0]["content"] for body in server.bodies)
    assert all("13812345678" not in str(body) and "example" not in str(body) for body in server.bodies)
    assert not compared.changed


def test_a_report_shows_what_changed_and_nothing_runs_in_it() -> None:
    compared = [
        ComparedAnswers(ReplayQuestion(1, "<script>"), TrialAnswer(text="same"), TrialAnswer(text="same")),
        ComparedAnswers(
            ReplayQuestion(2, "why"), TrialAnswer(text="old <b>"), TrialAnswer(text="new <b>", cost=2_500_000)
        ),
    ]
    written = page("hr", ("aaa", "bbb"), compared, ["3 of 4 cases pass"], words=Catalogue("en"), currency="CNY")

    assert "1 of 2 answers changed" in written
    assert "<th>cost CNY" in written
    assert "<td>2.50<td>" in written
    assert "<del>old</del> &lt;b&gt;" in written
    assert "<ins>new</ins> &lt;b&gt;" in written
    assert "<script" not in written
    assert written.index("why") < written.index("&lt;script&gt;")


def test_differences_are_marked_by_the_word() -> None:
    assert ("a <del>b</del> c", "a <ins>d</ins> c") == mark_differences("a b c", "a d c")
    assert ("今天<del>晴</del>", "今天<ins>阴</ins>") == mark_differences("今天晴", "今天阴")


def test_answers_are_added_up() -> None:
    total = add_up(
        [
            TrialAnswer(input_tokens=1, milliseconds=10),
            TrialAnswer(output_tokens=2, milliseconds=30),
            TrialAnswer(error="x"),
        ]
    )

    assert (3, 1, 1, 2, 10) == (
        total.answers,
        total.errors,
        total.input_tokens,
        total.output_tokens,
        total.milliseconds,
    )
