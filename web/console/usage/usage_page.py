"""Shows what answers took: as charts, as a table and as CSV, with the budgets and what is left of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast, get_args

from litestar import Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from pydantic_core import to_json

from pipeline.settings import Budgets
from storage.usage.daily_report import ServiceQuality, quality_of
from storage.usage.report import By, UsageRow, usage_report
from web.console.pages import FRESH, page
from web.operator.reports.usage import (
    MILLIONTHS,
    is_estimated,
    quality_csv,
    quality_report,
    total_of,
    usage_csv,
)
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_BY: tuple[By, ...] = get_args(By)
PERIODS = (7, 30, 90, 365)
"""Days up to today."""
_SHOWN = 200
"""Rows of the table; the CSV has all."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget, by its key in [budgets], with what has been spent of it; money in the currency of the settings."""

    key: str
    allowed: Decimal
    spent: Decimal

    @property
    def share(self) -> int:
        """Return how many hundredths of it are spent, 100 at most."""
        return min(100, int(self.spent * 100 / self.allowed))


def usage_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/usage", permission=Permission.READ_USAGE)
    async def show(request: _Request) -> Response[str]:
        by, days = _asked(request)
        since = first_day(days)
        rows = await usage_report(service.database, by, since=since)
        daily = rows if by == "day" else await usage_report(service.database, "day", since=since)
        await service.daily_counts.flush()
        quality = await quality_report(service.database, by, since=since)
        days_quality = await quality_report(service.database, "day", since=since)
        whole = (await quality_of(service.database, "day", since=since)).get("", ServiceQuality())
        people = rows if by == "person" else await usage_report(service.database, "person", since=since)
        return page(
            "usage.html",
            request,
            tab="usage",
            by=by,
            days=days,
            groupings=_BY,
            periods=PERIODS,
            rows=rows[-_SHOWN:] if by == "day" else rows[:_SHOWN],
            more=max(0, len(rows) - _SHOWN),
            total=total_of(rows, ""),
            people=sum(bool(each.answers) for each in people),
            estimated=is_estimated(rows),
            whole=whole,
            quality=sorted(quality.items(), reverse=by == "day")[:_SHOWN],
            quality_by="channel" if by == "person" else by,
            currency=service.settings.budgets.currency,
            budgets=await budget_states(service),
            chart=to_json(_chart(daily, days_quality, since)).decode(),
        )

    @get("/usage/csv", permission=Permission.READ_USAGE)
    async def as_csv(request: _Request) -> Response[bytes]:
        by, days = _asked(request)
        rows = await usage_report(service.database, by, since=first_day(days))
        text = usage_csv(by, rows, service.settings.budgets.currency)
        headers = FRESH | {"Content-Disposition": f'attachment; filename="webot-usage-by-{by}.csv"'}
        # With a mark that has spreadsheets read Chinese as what it is.
        return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)

    @get("/usage/quality", permission=Permission.READ_USAGE)
    async def quality_as_csv(request: _Request) -> Response[bytes]:
        by, days = _asked(request)
        await service.daily_counts.flush()
        text = quality_csv(by, await quality_report(service.database, by, since=first_day(days)))
        headers = FRESH | {"Content-Disposition": 'attachment; filename="webot-speed-and-failures.csv"'}
        return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)

    return [show, as_csv, quality_as_csv]


def first_day(days: int) -> date:
    """Return the first day of a period that ends today, by this machine's clock."""
    return datetime.now(UTC).astimezone().date() - timedelta(days=days - 1)


async def budget_states(service: Service) -> Sequence[BudgetState]:
    """Return the budgets for everybody together that are set, and what has been spent of each."""
    budgets: Budgets = service.settings.budgets
    spent = await service.foundation.accounts.paid_by_all()
    found = (("per_day", budgets.per_day, spent.today), ("per_month", budgets.per_month, spent.month))
    return [
        BudgetState(key, Decimal(str(allowed)), Decimal(paid) / MILLIONTHS) for key, allowed, paid in found if allowed
    ]


def _asked(request: _Request) -> tuple[By, int]:
    by = request.query_params.get("by", "day")
    days = request.query_params.get("days", "30")
    if by not in _BY or days not in {str(period) for period in PERIODS}:
        raise HTTPException(status_code=400, detail="console.usage_bad_period")
    return cast("By", by), int(days)


def _chart(daily: Sequence[UsageRow], quality: Mapping[str, ServiceQuality], since: date) -> dict[str, list[float]]:
    """Return a value a day, days without any included, as the chart draws them."""
    found = {each.of: each for each in daily}
    count = (datetime.now(UTC).astimezone().date() - since).days + 1
    days = [since + timedelta(days=number) for number in range(count)]
    service = [quality.get(day.isoformat(), ServiceQuality()) for day in days]
    rows = [found.get(day.isoformat(), UsageRow("", 0, 0, 0, 0)) for day in days]
    return {
        "days": [datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() for day in days],
        "answers": [row.answers for row in rows],
        "tokens": [row.input_tokens + row.output_tokens for row in rows],
        "latency": [each.median / 1000 for each in service],
        "failed": [each.failed + each.undelivered for each in service],
        "cost": [float(Decimal(row.cost) / MILLIONTHS) for row in rows],
        "good": [row.good for row in rows],
        "bad": [row.bad for row in rows],
    }
