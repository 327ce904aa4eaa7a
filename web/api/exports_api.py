"""Exports for programs: begun with the filters of the list, watched, downloaded also from the middle on, removed."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Request, delete, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream
from pydantic import Field

from exports.kept_jobs import ExportState, KeptExport, TooManyExports
from pipeline.exports import Format
from web.console.pages import language_of
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
    state: ExportState
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


def exports_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @post("/exports", permission=Permission.EXPORT)
    async def begin(request: _Request) -> ExportStatus:
        asked_for = await from_body(ExportRequest, request)
        unknown = sorted(set(asked_for.filter) - {*FILTERS})
        if unknown:
            raise HTTPException(status_code=400, detail=f"no such filter: {', '.join(unknown)[:200]}")
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
        except TooManyExports:
            raise HTTPException(status_code=409, detail="console.conversations_exports_full") from None
        return _status(export)

    @get("/exports/{id_:str}", permission=Permission.EXPORT)
    async def status(id_: FromPath[str]) -> ExportStatus:
        return _status(_found(service, id_))

    @delete("/exports/{id_:str}", permission=Permission.EXPORT)
    async def remove(id_: FromPath[str]) -> None:
        _found(service, id_)
        await service.exports.remove(id_)

    @get("/exports/{id_:str}/file", permission=Permission.EXPORT)
    async def file(request: _Request, id_: FromPath[str]) -> Stream:
        path = await service.exports.file(id_)
        export = _found(service, id_)
        if path is None:
            raise HTTPException(status_code=409, detail="console.conversations_export_unfinished")
        asked = _FROM.fullmatch(request.headers.get("range", ""))
        first = int(asked.group(1)) if asked else 0
        headers = {
            "Content-Disposition": f'attachment; filename="webot-{id_}.zip"',
            "Accept-Ranges": "bytes",
            "Content-Length": str(export.size - first),
        }
        if first >= export.size:
            raise HTTPException(status_code=416, detail=f"the file has {export.size} bytes")
        if asked:
            headers["Content-Range"] = f"bytes {first}-{export.size - 1}/{export.size}"
        details = {"out": f"download {id_}", "by": export.by}
        await audit(service.database, request, "export", details, conversations=export.done, messages=export.messages)
        return Stream(
            _read(path, first), status_code=206 if asked else 200, media_type="application/zip", headers=headers
        )

    return [begin, status, remove, file]


def _found(service: Service, id_: str) -> KeptExport:
    export = service.exports.find(id_)
    if export is None:
        raise HTTPException(status_code=404, detail="console.conversations_export_gone")
    return export


def _status(export: KeptExport) -> ExportStatus:
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
        export.why,
    )


async def _read(path: Path, first: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, first)
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
    finally:
        await asyncio.to_thread(file.close)
