"""How one answer of a conversation came to be, as far as that is kept."""

from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from adapters.simulator.console_markup import markdown
from exports.select import read_conversation
from web.console.pages import page, words_for
from web.console.request_models import whole_number
from web.operator.reports.turn_trace import trace_turn
from web.security.auditing import audit
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


def trace_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the route."""

    @get("/conversations/{id_:str}/trace/{turn:str}", permission=Permission.READ_CONVERSATIONS)
    async def show(request: _Request, id_: FromPath[str], turn: FromPath[str]) -> Response[str]:
        conversation, number = whole_number(id_), whole_number(turn)
        if conversation is None or number is None:
            raise HTTPException(status_code=404, detail="console.conversations_gone")
        found = await read_conversation(service.database, conversation, around=number, limit=1)
        said = [] if found is None else [each for each in found.transcript.messages if each.turn == number]
        if found is None or not said:
            raise HTTPException(status_code=404, detail="console.conversations_gone")
        talk = found.transcript.conversation
        await audit(
            service.database,
            request,
            "read",
            {"conversation": talk.id, "person": f"{talk.channel}/{talk.user}", "turn": number},
            conversations=1,
            messages=len(said),
        )
        exchange = (conversation, number)
        trace = await trace_turn(
            service.database, service.foundation.request_log, said[-1].trace, exchange, words_for(request)
        )
        return page(
            "trace_page.html",
            request,
            tab="conversations",
            back=f"/conversations/{talk.id}",
            title=f"{talk.channel}/{talk.user}",
            trace=trace,
            callback="",
            calls=(),
            markdown=markdown,
            currency=service.settings.budgets.currency,
        )

    return [show]
