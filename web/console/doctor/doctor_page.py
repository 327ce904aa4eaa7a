"""Runs the doctor over the settings in use, and shows what it finds, as `webot doctor` does."""

from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from web.console.pages import FRESH, language_of, page, rendered, words_for
from web.doctor.examination import report
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


def doctor_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/doctor", permission=Permission.RUN_DOCTOR)
    async def show(request: _Request) -> Response[str]:
        return page("doctor.html", request, tab="doctor", findings=None)

    @post("/doctor", status_code=200, permission=Permission.RUN_DOCTOR)
    async def run(request: _Request) -> Response[str]:
        findings = await report(service.loaded, language_of(request))
        if "hx-request" in request.headers:
            html = rendered("doctor_findings.html", words_for(request), findings=findings)
            return Response(html, media_type=MediaType.HTML, headers=FRESH)
        return page("doctor.html", request, tab="doctor", findings=findings)

    return [show, run]
