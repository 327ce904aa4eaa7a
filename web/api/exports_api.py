"""Exports for programs: begun with the filters of the list, watched, downloaded also from the middle on, removed."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Request, delete, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import ServerSentEvent, Stream
from pydantic import Field

from exports.kept_jobs import KeptExport
from exports.open_in_thread import opened_in_thread
from pipeline.exports import Format
from pipeline.text.i18n import Catalogue, Sentence
from storage.jobs.job_runner import TooManyJobs
from storage.jobs.job_store import JobState
from web.api.job_streams import EVENTS, StreamedEvent, job_stream, why_failed
from web.api.openapi.described import describe
from web.console.pages import language_of, words_for
from web.console.request_models import RequestModel, from_body
from web.operator.conversations import FILTERS, read_filter
from web.security.auditing import audit, name_of
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_CHUNK = 1 << 18
_FROM = re.compile(r"bytes=(\d{1,15})-")


class ExportRequest(RequestModel):
    """What to export: `filter` has the parameters of `GET /conversations`."""

    format: Format
    filter: dict[str, str] = Field(default_factory=dict)
    masked: bool = True


@dataclass(frozen=True, slots=True)
class ExportStatus:
    """How far an export is; `done` and `total` count conversations."""

    id: str
    state: JobState
    format: Format
    filter: Mapping[str, str]
    masked: bool
    by: str
    at: float
    done: int
    total: int
    messages: int
    size: int
    why: str


@dataclass(frozen=True, slots=True)
class ExportListing:
    """The exports that are kept, the latest first."""

    items: Sequence[ExportStatus]
    next: None = None


def exports_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @post(
        "/exports",
        permission=Permission.EXPORT,
        **describe(body=ExportRequest, answer=ExportStatus, problems=(409,)),
    )
    async def begin(request: _Request) -> ExportStatus:
        asked_for = await from_body(ExportRequest, request)
        unknown = sorted(set(asked_for.filter) - {*FILTERS})
        if unknown:
            raise HTTPException(
                status_code=400, detail=Sentence("request.unknown_filter", names=", ".join(unknown)[:200])
            )
        asked = read_filter(asked_for.filter)
        if asked.wrong:
            raise HTTPException(status_code=400, detail=asked.wrong[0])
        try:
            export = await service.exports.begin(
                asked.wanted,
                given=asked.given,
                format=asked_for.format,
                masked=asked_for.masked,
                language=language_of(request),
                by=name_of(request),
            )
        except TooManyJobs:
            raise HTTPException(status_code=409, detail="console.conversations_exports_full") from None
        return _status(export, words_for(request))

    @get("/exports", permission=Permission.EXPORT, **describe(answer=ExportListing))
    async def exports(request: _Request) -> ExportListing:
        return ExportListing([_status(export, words_for(request)) for export in await service.exports.all()])

    @get(
        "/exports/{id_:str}/events",
        permission=Permission.EXPORT,
        **describe(
            answer=StreamedEvent,
            media=EVENTS,
            problems=(404,),
            headers=("Last-Event-ID",),
        ),
    )
    async def events(request: _Request, id_: FromPath[str]) -> ServerSentEvent:
        return job_stream(service.jobs, request, (await _found(service, id_)).id)

    @post(
        "/exports/{id_:str}/cancel",
        permission=Permission.EXPORT,
        status_code=200,
        **describe(answer=ExportStatus, problems=(404,)),
    )
    async def cancel(request: _Request, id_: FromPath[str]) -> ExportStatus:
        if await service.jobs.cancel((await _found(service, id_)).id):
            await audit(service.database, request, "export", {"out": f"cancelled {id_}"})
        return _status(await _found(service, id_), words_for(request))

    @get(
        "/exports/{id_:str}",
        permission=Permission.EXPORT,
        **describe(answer=ExportStatus, problems=(404,)),
    )
    async def status(request: _Request, id_: FromPath[str]) -> ExportStatus:
        return _status(await _found(service, id_), words_for(request))

    @delete(
        "/exports/{id_:str}",
        permission=Permission.EXPORT,
        **describe(problems=(404,)),
    )
    async def remove(request: _Request, id_: FromPath[str]) -> None:
        await service.exports.remove((await _found(service, id_)).id)
        await audit(service.database, request, "export", {"out": f"removed {id_}"})

    @get(
        "/exports/{id_:str}/file",
        permission=Permission.EXPORT,
        **describe(
            answer=bytes,
            media="application/zip",
            also={206: bytes},
            problems=(404, 409, 416),
            headers=("Range",),
        ),
    )
    async def file(request: _Request, id_: FromPath[str]) -> Stream:
        export = await _found(service, id_)
        path = await service.exports.file(export)
        if path is None:
            ended = export.state == "done"
            detail = "console.conversations_export_elsewhere" if ended else "console.conversations_export_unfinished"
            raise HTTPException(status_code=409, detail=detail)
        asked = _FROM.fullmatch(request.headers.get("range", ""))
        first = int(asked.group(1)) if asked else 0
        headers = {
            "Content-Disposition": f'attachment; filename="webot-{id_}.zip"',
            "Accept-Ranges": "bytes",
            "Content-Length": str(export.size - first),
        }
        if first >= export.size:
            raise HTTPException(status_code=416, detail=Sentence("request.past_the_end", size=export.size))
        if asked:
            headers["Content-Range"] = f"bytes {first}-{export.size - 1}/{export.size}"
        details = {"out": f"download {id_}", "by": export.by}
        await audit(service.database, request, "export", details, conversations=export.done, messages=export.messages)
        return Stream(
            _read(path, first), status_code=206 if asked else 200, media_type="application/zip", headers=headers
        )

    return [begin, exports, status, events, cancel, remove, file]


async def _found(service: Service, id_: str) -> KeptExport:
    export = await service.exports.find(id_)
    if export is None:
        raise HTTPException(status_code=404, detail="console.conversations_export_gone")
    return export


def _status(export: KeptExport, words: Catalogue) -> ExportStatus:
    return ExportStatus(
        export.id,
        export.state,
        export.format,
        export.given,
        export.masked,
        export.by,
        export.at,
        export.done,
        export.total,
        export.messages,
        export.size,
        why_failed(export.why, words),
    )


async def _read(path: Path, first: int) -> AsyncIterator[bytes]:
    async with opened_in_thread(lambda: path.open("rb"), lambda opened: opened.close()) as file:
        await asyncio.to_thread(file.seek, first)
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
