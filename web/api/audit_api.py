"""The audit, for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from pydantic import Field

from storage.conversations.audit import AuditRow, deeds
from storage.conversations.audit_actions import Action
from web.api.openapi.described import describe
from web.console.request_models import RequestModel, from_query
from web.security.roles import Permission
from web.wiring import Service

_LARGEST = 2**63 - 1


_Request = Request[Any, Any, Any]


class _AuditQuery(RequestModel):
    action: Action | None = None
    cursor: int | None = Field(default=None, ge=1, le=_LARGEST)
    limit: int = Field(default=50, ge=1, le=200)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Deeds, the latest first; `next` is the cursor of the page that follows, None behind the last."""

    items: Sequence[AuditRow]
    next: int | None


def audit_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get(
        "/audit",
        permission=Permission.READ_AUDIT,
        **describe(query=_AuditQuery, answer=AuditPage),
    )
    async def audit(request: _Request) -> AuditPage:
        asked = from_query(_AuditQuery, request)
        limit = asked.limit
        found = await deeds(service.database, action=asked.action, limit=limit + 1, before=asked.cursor)
        return AuditPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    return [audit]
