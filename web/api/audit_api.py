"""The audit, for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter

from storage.conversations.audit import AuditRow, deeds
from storage.conversations.audit_actions import Action
from web.security.roles import Permission
from web.wiring import Service

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Deeds, the latest first; `next` is the cursor of the page that follows, None behind the last."""

    items: Sequence[AuditRow]
    next: int | None


def audit_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get("/audit", permission=Permission.READ_AUDIT)
    async def audit(
        action: FromQuery[Action | None] = None,
        cursor: Annotated[int | None, QueryParameter(ge=1, le=_LARGEST)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> AuditPage:
        found = await deeds(service.database, action=action, limit=limit + 1, before=cursor)
        return AuditPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    return [audit]
