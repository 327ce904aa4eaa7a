"""Judgements by hand of the answers of a replay, and the replay with them as a table for a spreadsheet."""

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exports.writers.csv import harmless, writer
from storage.jobs.job_store import StoredJob, events_of, has_event
from storage.jobs.replay_judgements import ComparedRevisions, Judged, ReplayJudgement, judge_answer, judgements_of
from web.wiring import Service


@dataclass(frozen=True, slots=True)
class JudgementListing:
    """What users think of the draft's answers in a replay, and how often what."""

    items: Sequence[ReplayJudgement]
    better: int
    same: int
    worse: int
    judges: Sequence[str]
    next: None = None


class NoSuchAnswer(LookupError):
    """A replay has not put the question that is judged."""


async def judge_replayed(service: Service, job: StoredJob, trace: int, verdict: Judged | None, *, by: str) -> None:
    """Keep what a user thinks of the draft's answer to a question; None takes it back.

    Raises:
        NoSuchAnswer: the replay has not put the question.
    """
    if not await has_event(service.database, job.id, "pair", begins=f'{{"trace":{trace},'):
        raise NoSuchAnswer
    await judge_answer(service.database, revisions_of(job), trace, verdict, by=by)


async def list_judgements(service: Service, job: StoredJob) -> JudgementListing:
    """Return the judgements of a replay's answers; those of an earlier replay of the same two revisions, too."""
    found = await judgements_of(service.database, revisions_of(job))
    put = {pair["trace"] for pair in await pairs_of(service, job)}
    items = [each for each in found if each.trace in put]
    count = Counter(each.verdict for each in items)
    judges = sorted({each.by for each in items})
    return JudgementListing(items, count["better"], count["same"], count["worse"], judges)


async def pairs_of(service: Service, job: StoredJob) -> Sequence[dict[str, Any]]:
    """Return both answers to each question of a replay so far, as programs get them."""
    return [json.loads(event.data) for event in await events_of(service.database, job.id, "pair")]


def revisions_of(job: StoredJob) -> ComparedRevisions:
    """Return the revisions that a replay compares; empty of one begun by an earlier version of webot."""
    live, draft = job.ordered.get("revisions", ("", ""))
    return ComparedRevisions(job.subject, live, draft)


async def replay_csv(service: Service, job: StoredJob) -> str:
    """Return a replay for a spreadsheet: question, answers, what they took, the judgements of a model and by hand."""
    into = io.StringIO()
    lines = writer(into, lineterminator="\n")
    sides = [f"{side} {what}" for side in ("live", "draft") for what in _SIDE]
    lines.writerow(("trace", "question", *sides, "changed", "by rubric", "why", "better", "same", "worse", "judged by"))
    listing = await list_judgements(service, job)
    for pair in await pairs_of(service, job):
        own = [each for each in listing.items if each.trace == pair["trace"]]
        count = Counter(each.verdict for each in own)
        lines.writerow(
            (
                pair["trace"],
                harmless(pair["question"]),
                *(cell for side in ("live", "draft") for cell in _cells(pair[side])),
                "yes" if pair["changed"] else "no",
                pair["verdict"],
                harmless(pair["why"]),
                *(count[verdict] for verdict in ("better", "same", "worse")),
                harmless("; ".join(f"{each.by}: {each.verdict}" for each in own)),
            )
        )
    return into.getvalue()


_SIDE = ("answer", "model", "milliseconds", "tokens in", "tokens out", "cost")


def _cells(answer: dict[str, Any]) -> tuple[Any, ...]:
    return (
        harmless(answer["error"] or answer["text"]),
        harmless(answer["model"]),
        answer["milliseconds"],
        answer["input_tokens"],
        answer["output_tokens"],
        f"{answer['cost']:.6f}",
    )
