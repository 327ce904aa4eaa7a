"""What the doctor finds, for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from pipeline.findings import Finding
from web.api.openapi.described import describe
from web.console.pages import language_of
from web.doctor.examination import report
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """Every finding; `ok` is whether none of them is ill."""

    ok: bool
    findings: Sequence[Finding]


def doctor_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get("/doctor", permission=Permission.RUN_DOCTOR, **describe(answer=DoctorReport))
    async def doctor(request: _Request) -> DoctorReport:
        findings = await report(service.loaded, language_of(request))
        return DoctorReport(not any(finding.state == "ill" for finding in findings), findings)

    return [doctor]
