"""What answers took, for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from storage.usage.daily_report import ServiceQuality
from storage.usage.report import By, UsageRow, usage_report
from web.api.openapi.described import describe
from web.console.request_models import RequestModel, from_query
from web.operator.reports.usage import quality_report
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]
_EPOCH = date(1970, 1, 1)


class _UsageQuery(RequestModel):
    by: By = "day"
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class UsageSums:
    """The sums of a period; costs in millionths of `currency`.

    `quality` tells how fast answers were and what failed, by what the sums are by; of persons by their channels.
    """

    currency: str
    items: Sequence[UsageRow]
    quality: Mapping[str, ServiceQuality]


def usage_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get(
        "/usage",
        permission=Permission.READ_USAGE,
        **describe(query=_UsageQuery, answer=UsageSums),
    )
    async def usage(request: _Request) -> UsageSums:
        asked = from_query(_UsageQuery, request)
        rows = await usage_report(service.database, asked.by, since=asked.since, until=asked.until)
        await service.daily_counts.flush()
        quality = await quality_report(service.database, asked.by, since=asked.since or _EPOCH, until=asked.until)
        return UsageSums(service.settings.budgets.currency, rows, quality)

    return [usage]
