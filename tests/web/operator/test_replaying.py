"""Real questions put to two versions of a chain, with everything that comes of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from pipeline.settings import Settings
from storage.database.access import ensure_schema
from storage.database.engine import open_database
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says
from tests.storage.conversations.test_questions import talk
from web.operator.chains.replaying import ReplayedQuestion, ReplayEnd, ReplayWish, replay_chain
from web.operator.chains.workspace import ChainWorkspace

LIVE = ChainConfig(name="hr", command="@hr", system_prompt="one")
DRAFT = ChainConfig(name="hr", command="@hr", system_prompt="two")


def by_question(body: Mapping[str, Any]) -> Act:
    """Answer the draft by another model for the first question, cut for the second, and well for the third."""
    system, asked = body["messages"][0]["content"], body["messages"][-1]["content"]
    if system.startswith("You compare"):
        return Says('{"better": "%s", "why": "so"}' % ("a" if '"a": "two' in asked else "b"))
    if body["model"] == "spare-model" or system == "one":
        return Says("an answer")
    if asked.endswith("1"):
        return Fails(500)
    return Says("an ans", finish="length") if asked.endswith("2") else Says("two answers")


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[ChainWorkspace]:
    async with OpenAIServer(otherwise=by_question) as server:
        table = {"model": "m", "base_url": server.base_url, "max_retries": 0}
        url = f"sqlite:///{tmp_path}/webot.db"
        settings = Settings.model_validate(
            {
                "chat": {"language": "en"},
                "models": {
                    "default": {**table, "fallbacks": ["spare"]},
                    "spare": {**table, "model": "spare-model"},
                },
                "storage": {"data_dir": str(tmp_path), "database_url": url},
                "replay": {"users": ["*"]},
            }
        )
        await ensure_schema(url)
        database = await asyncio.to_thread(open_database, url)
        await talk(database, "ann", "hr", "hr", "hr")
        yield await asyncio.to_thread(ChainWorkspace, settings, None, database)
        await database.close()


async def test_answers_that_are_cut_or_anothers_are_neither_changed_nor_judged(workspace: ChainWorkspace) -> None:
    begun, *pairs, end = [each async for each in replay_chain(workspace, LIVE, DRAFT, ReplayWish(rubric="longer"))]

    assert 3 == begun
    found = {}
    for each in pairs:
        assert isinstance(each, ReplayedQuestion)
        found[each.compared.question.text] = (each.compared.unfit, each.verdict, each.why)
    assert {
        "ann asks 1": (True, "", "[models.default] gave no answer: [models.spare] (spare-model) stood in for it"),
        "ann asks 2": (True, "", "the answer is incomplete: it reached the length limit"),
        "ann asks 3": (False, "better", "so"),
    } == found
    assert isinstance(end, ReplayEnd)
    assert (3, 1, 2, 1, 0, 0) == (end.questions, end.changed, end.unfit, end.better, end.same, end.worse)
    assert (0, 2) == (end.live.unfit, end.draft.unfit)


async def test_without_a_rubric_nobody_judges(workspace: ChainWorkspace) -> None:
    _, *pairs, end = [each async for each in replay_chain(workspace, LIVE, DRAFT, ReplayWish(last=1))]

    (last,) = pairs
    assert isinstance(last, ReplayedQuestion)
    assert ("ann asks 3", "", "") == (last.compared.question.text, last.verdict, last.why)
    assert ("", "an", "two") in last.differences
    assert isinstance(end, ReplayEnd)
    assert (1, 1, 0) == (end.questions, end.changed, end.better)


async def test_where_nobody_has_asked_only_the_sums_come(workspace: ChainWorkspace) -> None:
    other = LIVE.model_copy(update={"name": "nobody"})
    begun, end = [each async for each in replay_chain(workspace, other, DRAFT, ReplayWish())]

    assert 0 == begun
    assert isinstance(end, ReplayEnd)
    assert (0, 0) == (end.questions, end.live.milliseconds)
