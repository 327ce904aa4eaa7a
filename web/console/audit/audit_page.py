"""Shows the audit, the latest deeds first, in pages."""

from typing import Any, cast, get_args

from litestar import Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from storage.conversations.audit import deeds
from storage.conversations.audit_actions import Action
from web.console.pages import page
from web.console.request_models import whole_number
from web.operator.reports.audit_details import described
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_ACTIONS: tuple[Action, ...] = get_args(Action)
_SHOWN = 50


def audit_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get("/audit", permission=Permission.READ_AUDIT)
    async def show(request: _Request) -> Response[str]:
        action = request.query_params.get("action", "")
        if action and action not in _ACTIONS:
            raise HTTPException(status_code=400, detail="console.bad_form")
        before = whole_number(request.query_params.get("before", ""))
        # One more than is shown tells whether there is another page.
        wanted = cast("Action", action) if action else None
        found = await deeds(service.database, action=wanted, limit=_SHOWN + 1, before=before)
        shown = [(deed, described(deed)) for deed in found[:_SHOWN]]
        older = found[_SHOWN - 1].id if len(found) > _SHOWN else 0
        return page("audit.html", request, tab="audit", deeds=shown, older=older, action=action, actions=_ACTIONS)

    return [show]
