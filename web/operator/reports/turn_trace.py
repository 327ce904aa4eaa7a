"""Tells how one answer came to be: its steps with times, what the model was asked, what was sent."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.wecom.rendering.render import MessageFormat, render
from chains.conversation.request_log import LoggedRequest, RequestLog
from exports.records import Message
from exports.select import read_conversation
from pipeline.replies import TextPart, TextReply
from pipeline.text.i18n import Catalogue
from storage.database.engine import Database
from storage.monitoring.views import TurnDetail, find_turn

_MOST_PIECES = 10


@dataclass(frozen=True, slots=True)
class TraceStep:
    """Something that happened in a turn: `key` names it in the catalogue, `at` is in seconds since 1970."""

    key: str
    at: float
    subject: str = ""
    after: float = 0.0
    """Seconds since the first of the steps."""


@dataclass(frozen=True, slots=True)
class TurnTrace:
    """Everything that is kept of one turn; what is not kept, or not kept any longer, is None or empty."""

    trace: int
    detail: TurnDetail | None
    question: Message | None
    answer: Message | None
    logged: LoggedRequest | None
    steps: tuple[TraceStep, ...]
    markdown: tuple[str, ...]
    """The answer as messages of WeCom's markdown."""
    plain: tuple[str, ...]
    """The answer as messages of plain text, for the WeChat plugin, which shows no markdown."""


async def trace_turn(
    database: Database, request_log: RequestLog, trace: int, exchange: tuple[int, int] | None, catalogue: Catalogue
) -> TurnTrace | None:
    """Return the trace of a turn; `exchange` is its conversation and number in it, where it became one."""
    detail = await find_turn(database, trace)
    said = await read_conversation(database, exchange[0], around=exchange[1], limit=1) if exchange else None
    messages = () if said is None else [each for each in said.transcript.messages if each.trace == trace]
    question = next((each for each in messages if each.role == "human"), None)
    answer = next((each for each in messages if each.role == "ai"), None)
    if detail is None and answer is None:
        return None
    logged = request_log.find(str(trace))
    text = answer.text if answer is not None else ""
    return TurnTrace(
        trace,
        detail,
        question,
        answer,
        logged,
        _timed(_steps(detail, answer, logged)),
        _pieces(text, "markdown", catalogue),
        _pieces(text, "text", catalogue),
    )


def _steps(detail: TurnDetail | None, answer: Message | None, logged: LoggedRequest | None) -> Iterator[TraceStep]:
    if detail is not None:
        yield from _moment("accepted", detail.turn.accepted_at)
    if logged is not None:
        yield TraceStep("asked", logged.began_at, logged.model)
        if logged.first_milliseconds:
            yield TraceStep("first", logged.began_at + logged.first_milliseconds / 1000)
        for each in logged.rounds:
            yield TraceStep("said", each.at, each.model)
            for use, _ in each.tools:
                yield TraceStep("used", each.at, f"{use.name} · {use.milliseconds} ms")
        if logged.failure:
            yield TraceStep("failed", logged.ended_at)
    if answer is not None and answer.at:
        yield TraceStep("recorded", answer.at)
    if detail is not None:
        for part in detail.parts:
            yield from _moment("sent", part.sent_at, str(part.place + 1))
        yield from _moment("ended", detail.ended_at)


def _moment(key: str, at: datetime | None, subject: str = "") -> Iterator[TraceStep]:
    if at is not None:
        yield TraceStep(key, at.timestamp(), subject)


def _timed(steps: Iterator[TraceStep]) -> tuple[TraceStep, ...]:
    ordered = sorted(steps, key=lambda step: step.at)
    return tuple(replace(step, after=step.at - ordered[0].at) for step in ordered)


def _pieces(text: str, message_format: MessageFormat, catalogue: Catalogue) -> tuple[str, ...]:
    parts = render(
        [TextReply(text)] if text else [], message_format=message_format, max_pieces=_MOST_PIECES, catalogue=catalogue
    )
    return tuple(part.text for part in parts if isinstance(part, TextPart))
