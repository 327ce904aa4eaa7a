"""Puts real questions to two versions of a chain again, has a model judge them if wanted, and adds them up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from markupsafe import Markup

from chains.catalog.config import ChainConfig
from chains.evaluation.replay import AnswerTotals, ComparedAnswers, add_up, replay
from chains.evaluation.tester import ChainTester
from chains.evaluation.text_differences import differences
from chains.evaluation.verdicts import Verdict, judge_pair
from pipeline.text.i18n import Catalogue
from web.operator.chains.workspace import ChainWorkspace
from web.operator.reports.chat_html import compared_html


@dataclass(frozen=True, slots=True)
class ReplayedQuestion:
    """Both answers to one question; `verdict` is the draft's, and empty where no model was asked."""

    compared: ComparedAnswers
    differences: tuple[tuple[str, str, str], ...]
    """Pieces of both answers in order: the same, what is gone, what has come; one of the first or the others."""
    live_html: Markup
    """The live answer as the chat shows it, with what only it says marked."""
    draft_html: Markup
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True)
class ReplayEnd:
    """What all answers come to."""

    questions: int
    changed: int
    unfit: int
    """Pairs of which one is cut or another model's: they count neither as changed nor as the same."""
    better: int
    same: int
    worse: int
    live: AnswerTotals
    draft: AnswerTotals


@dataclass(frozen=True, slots=True)
class ReplayWish:
    """How many of the latest questions are asked again, and how."""

    last: int = 20
    rubric: str = ""
    """What makes an answer better; empty for no judgement by a model."""
    judge: str = "default"
    """The model that judges."""
    at_once: int = 4
    fresh: bool = False
    """Ask also where the answer is known."""
    tools: bool = True


async def replay_chain(
    workspace: ChainWorkspace,
    live: ChainConfig,
    draft: ChainConfig,
    wish: ReplayWish,
    *,
    before: float | None = None,
    job: str = "",
) -> AsyncGenerator[int | ReplayedQuestion | ReplayEnd]:
    """Yield how many questions there are, each with both answers as they are complete, and the sums.

    Questions answered `before` a moment, in seconds since 1970, where there is one. A `job` that begins again, after a
    restart, pays for no answer twice.
    """
    turns = workspace.settings.chat.turns if draft.turns is None else draft.turns
    catalogue = Catalogue(workspace.settings.chat.language)
    questions = await workspace.questions(live.name, last=wish.last, turns=turns, before=before)
    yield len(questions)
    compared: list[ComparedAnswers] = []
    verdicts: list[Verdict] = []
    async with workspace.tester(at_once=wish.at_once, fresh=wish.fresh, tools=wish.tools, job=job) as tester:
        pairs = replay(tester, live, draft, questions)
        async with aclosing(pairs):
            async for each in pairs:
                verdict, why = await _judged(tester, each, wish)
                compared.append(each)
                verdicts.append(verdict)
                pieces = await asyncio.to_thread(differences, each.live.text, each.draft.text)
                shown = await asyncio.to_thread(compared_html, each.live.text, each.draft.text, catalogue)
                yield ReplayedQuestion(each, tuple(pieces), *shown, verdict, why)
    yield ReplayEnd(
        questions=len(compared),
        changed=sum(each.changed for each in compared),
        unfit=sum(each.unfit for each in compared),
        better=verdicts.count("better"),
        same=verdicts.count("same"),
        worse=verdicts.count("worse"),
        live=add_up([each.live for each in compared]),
        draft=add_up([each.draft for each in compared]),
    )


async def _judged(tester: ChainTester, compared: ComparedAnswers, wish: ReplayWish) -> tuple[Verdict, str]:
    if not wish.rubric:
        return "", ""
    return await judge_pair(tester, compared, rubric=wish.rubric, judge=wish.judge)
