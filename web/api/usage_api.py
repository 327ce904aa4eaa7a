"""What answers took, for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from storage.usage.report import By, UsageRow, usage_report
from web.security.roles import Permission
from web.wiring import Service

_Day = FromQuery[date | None]


@dataclass(frozen=True, slots=True)
class UsageSums:
    """The sums of a period; costs in millionths of `currency`."""

    currency: str
    items: Sequence[UsageRow]


def usage_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get("/usage", permission=Permission.READ_USAGE)
    async def usage(by: FromQuery[By] = "day", since: _Day = None, until: _Day = None) -> UsageSums:
        rows = await usage_report(service.database, by, since=since, until=until)
        return UsageSums(service.settings.budgets.currency, rows)

    return [usage]
