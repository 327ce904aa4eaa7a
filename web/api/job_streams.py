"""Jobs as programs see them, and their events as they come."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.response import ServerSentEvent, ServerSentEventMessage
from pydantic_core import to_json

from pipeline.text.i18n import Catalogue
from pipeline.text.stored_sentences import stored_in_language
from storage.jobs.job_runner import JobRunner
from storage.jobs.job_store import JobState, StoredJob
from web.console.pages import FRESH, words_for
from web.security.lasting import while_admitted

_Request = Request[Any, Any, Any]

EVENTS = "text/event-stream"

_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """One of the events that come: what it tells of, and JSON; `id` is for `Last-Event-ID`."""

    event: str
    data: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How far long work is; `result` is there once it is done, `why` where it failed. `at` in seconds since 1970."""

    id: str
    kind: str
    subject: str
    state: JobState
    done: int
    total: int
    by: str
    at: float
    result: Mapping[str, Any]
    why: str


def status_of(job: StoredJob, words: Catalogue) -> JobStatus:
    """Return a job as programs see it."""
    return JobStatus(
        id=job.id,
        kind=job.kind,
        subject=job.subject,
        state=job.state,
        done=job.done,
        total=job.total,
        by=job.by,
        at=job.at,
        result=dict(job.result),
        why=why_failed(job.why, words),
    )


def why_failed(why: str, words: Catalogue) -> str:
    """Return why a job failed, in the language of whoever asks where it is a sentence."""
    return words.text(why) if words.has(why) else stored_in_language(why, words)


def job_stream(jobs: JobRunner, request: _Request, id_: str) -> ServerSentEvent:
    """Answer with a job's events from the first, or from the one after `Last-Event-ID`, until it ends.

    An event `job` tells of each change of its state and progress, `problem` what it failed of. Leaving stops nothing.
    """
    given = request.headers.get("last-event-id", "")
    after = int(given) if _NUMBER.fullmatch(given) else 0
    events = _events(jobs, id_, after, words_for(request))
    return ServerSentEvent(while_admitted(request, events), headers=dict(FRESH))


async def _events(jobs: JobRunner, id_: str, after: int, words: Catalogue) -> AsyncGenerator[ServerSentEventMessage]:
    following = jobs.follow(id_, after=after)
    async with aclosing(following):
        async for each in following:
            if isinstance(each, StoredJob):
                if each.state == "failed":
                    yield ServerSentEventMessage(
                        event="problem", data=to_json({"detail": why_failed(each.why, words)}).decode()
                    )
                yield ServerSentEventMessage(event="job", data=to_json(status_of(each, words)).decode())
            else:
                yield ServerSentEventMessage(event=each.kind, data=each.data, id=str(each.number))
