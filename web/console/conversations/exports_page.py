"""The exports of what the list filters: begun, watched, downloaded and removed."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from pipeline.exports import FORMATS
from pipeline.text.i18n import Sentence
from storage.jobs.job_runner import TooManyJobs
from web.console.pages import language_of, page
from web.operator.conversations import read_filter
from web.security.auditing import audit, name_of
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_ADDRESS = "/console/exports"


def exports_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/exports", permission=Permission.EXPORT)
    async def exports(request: _Request) -> Response[str]:
        return page("exports.html", request, tab="conversations", exports=await service.exports.all())

    @post("/exports", permission=Permission.EXPORT)
    async def begin(request: _Request) -> Redirect:
        form = {name: str(value) for name, value in (await request.form()).items()}
        asked = read_filter(form)
        if asked.wrong:
            raise HTTPException(status_code=400, detail=asked.wrong[0])
        format_ = next((each for each in FORMATS if each == form.get("format", "")), None)
        if format_ is None:
            known = ", ".join(FORMATS)
            raise HTTPException(status_code=400, detail=Sentence("console.conversations_export_format", known=known))
        try:
            await service.exports.begin(
                asked.wanted,
                given=asked.given,
                format=format_,
                masked="masked" in form,
                language=language_of(request),
                by=name_of(request),
            )
        except TooManyJobs:
            raise HTTPException(status_code=409, detail="console.conversations_exports_full") from None
        return _back(request)

    @post("/exports/{id_:str}/remove", permission=Permission.EXPORT)
    async def remove(request: _Request, id_: FromPath[str]) -> Redirect:
        if await service.exports.remove(id_):
            await audit(service.database, request, "export", {"out": f"removed {id_}"})
        return _back(request)

    return [exports, begin, remove]


def _back(request: _Request) -> Redirect:
    lang = request.query_params.get("lang", "")
    return Redirect(_ADDRESS + (f"?lang={language_of(request)}" if lang else ""), status_code=303)
