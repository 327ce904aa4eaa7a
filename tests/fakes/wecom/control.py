"""The simulator's own routes under /simulator, by which other processes on this machine drive it. JSON in and out."""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from litestar import MediaType, Request, Response, Router, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.exceptions import ClientException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation
from litestar.types import ControllerRouterHandler
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from adapters.simulator.faults import EVERY, Fault
from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.directory import Member
from adapters.simulator.platform.timeline import Delivered
from adapters.simulator.simulator import WeComSimulator
from pipeline.events import Content

_MOST_SECONDS = 60.0
_MEDIA_LIMIT = 20 * 1024 * 1024

_FromSimulator = NamedDependency[SkipValidation[WeComSimulator]]
_FromServer = NamedDependency[SkipValidation[asyncio.Event]]
_Request = Request[Any, Any, Any]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Who(_Shape):
    """A phone: a member, and the app if there are several."""

    user: str
    agent_id: int | None = None
    corp_id: str | None = None


class _Which(_Shape):
    """An app, if there are several."""

    agent_id: int | None = None
    corp_id: str | None = None


class _Do(_Who):
    content: Annotated[Content, Field(discriminator="kind")]


class _Wait(_Who):
    after: int = 0
    count: int = Field(default=1, ge=0)
    within: float = Field(default=5.0, ge=0, le=_MOST_SECONDS)


class _Since(_Who):
    after: int = 0


class _Upload(_Which):
    type: str
    name: str = ""


class _Fetch(_Which):
    media_id: str


class _RuleAsked(_Shape):
    fault: Annotated[Fault, Field(discriminator="kind")]
    route: str = EVERY
    calls: int | None = None
    chance: float = 1.0


class _Number(_Shape):
    number: int | None = None


_S = TypeVar("_S", bound=_Shape)
_APP = TypeAdapter(App)
_MEMBERS = TypeAdapter(list[Member])


class ControlledSimulator(WeComSimulator):
    """A simulator that other processes of this machine control over HTTP, under /simulator."""

    def more_routes(self, closing: asyncio.Event) -> Sequence[ControllerRouterHandler]:
        """Return the controls; what waits in them ends when `closing` is set."""
        return [control_routes(self, closing)]


def control_routes(simulator: WeComSimulator, closing: asyncio.Event) -> Router:
    """Return the routes over a simulator; what waits in them ends when `closing` is set."""
    return Router(
        "/simulator",
        route_handlers=[
            _do,
            _messages,
            _entries,
            _phones,
            _upload,
            _fetch,
            _set_fault,
            _list_faults,
            _clear_faults,
            _stats,
            _list_apps,
            _register,
            _add_members,
            _menu,
            _expire_tokens,
            _verify,
        ],
        dependencies={
            "simulator": Provide(lambda: simulator, sync_to_thread=False),
            "closing": Provide(lambda: closing, sync_to_thread=False),
        },
        guards=[_from_this_machine],
    )


@post("/do", status_code=200)
async def _do(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Send or click something as a member; answers when the app has accepted it or WeCom would give up."""
    asked = await _from_body(_Do, request)
    posting = await _phone(simulator, asked).do(asked.content)
    return _json(
        {
            "msg_id": posting.msg_id,
            "accepted": posting.accepted,
            "statuses": posting.statuses,
            "seconds": posting.seconds,
            "body": posting.body,
        }
    )


@get("/messages")
async def _messages(request: _Request, simulator: _FromSimulator, closing: _FromServer) -> Response[bytes]:
    """List what came to a phone, waiting up to `within` seconds until there are `count`; there may be fewer then."""
    asked = _from_query(_Wait, request)
    phone = _phone(simulator, asked)
    if asked.count > simulator.platform.limits.kept_messages:
        raise ClientException(detail=f"count: a phone keeps {simulator.platform.limits.kept_messages} messages here")
    arrival = asyncio.create_task(phone.messages(count=asked.count, within=asked.within, after=asked.after))
    end = asyncio.create_task(closing.wait())
    await asyncio.wait({arrival, end}, return_when=asyncio.FIRST_COMPLETED)
    for task in (arrival, end):
        task.cancel()
    await asyncio.gather(arrival, end, return_exceptions=True)
    return _json({"messages": [entry for entry in phone.entries(asked.after) if isinstance(entry, Delivered)]})


@get("/entries")
async def _entries(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """List a conversation, both sides."""
    asked = _from_query(_Since, request)
    return _json({"entries": _phone(simulator, asked).entries(asked.after)})


@get("/phones")
async def _phones(simulator: _FromSimulator) -> Response[bytes]:
    """Count, for every phone, what came, what was dropped on the way, and what its owner said."""
    return _json(
        {
            "phones": [
                {
                    "corp_id": corp_id,
                    "agent_id": agent_id,
                    "user": user,
                    "delivered": screen.delivered,
                    "dropped": screen.dropped,
                    "said": screen.said,
                }
                for (corp_id, agent_id, user), screen in simulator.platform.timelines().items()
            ]
        }
    )


@post("/media", status_code=200, request_max_body_size=_MEDIA_LIMIT)
async def _upload(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Store the body for `media/get`, as a file that a member is about to send."""
    asked = _from_query(_Upload, request)
    app = _app(simulator, asked)
    media = simulator.platform.uploads.put(app.corp_id, asked.type, await request.body(), name=asked.name)
    return _json({"media_id": media.label.media_id})


@get("/media")
async def _fetch(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Return a file's bytes."""
    asked = _from_query(_Fetch, request)
    _app(simulator, asked)
    try:
        media = simulator.media(asked.media_id, agent_id=asked.agent_id, corp_id=asked.corp_id)
    except LookupError as error:
        raise NotFoundException(detail=str(error)) from error
    # Whatever a stranger called it, no browser is to run it.
    return Response(media.data, media_type="application/octet-stream", headers={"X-Content-Type-Options": "nosniff"})


@post("/faults", status_code=200)
async def _set_fault(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Add a fault."""
    asked = await _from_body(_RuleAsked, request)
    try:
        number = simulator.add_fault(asked.fault, route=asked.route, calls=asked.calls, chance=asked.chance)
    except ValueError as error:
        raise ClientException(detail=str(error)) from error
    return _json({"number": number})


@get("/faults")
async def _list_faults(simulator: _FromSimulator) -> Response[bytes]:
    """List what goes wrong at present."""
    rules = simulator.faults.rules().items()
    return _json({"faults": [{"number": number, "rule": rule, "left": left} for number, (rule, left) in rules]})


@delete("/faults", status_code=200)
async def _clear_faults(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Remove one fault, or all."""
    simulator.clear_faults(_from_query(_Number, request).number)
    return _json({})


@get("/stats")
async def _stats(simulator: _FromSimulator) -> Response[bytes]:
    """Return the totals since the start."""
    return _json(simulator.counts.as_fields())


@get("/apps")
async def _list_apps(simulator: _FromSimulator) -> Response[bytes]:
    """List the apps, without their secrets."""
    return _json(
        {
            "apps": [
                {
                    "corp_id": app.corp_id,
                    "agent_id": app.agent_id,
                    "name": app.name,
                    "callback_url": app.callback_url,
                }
                for app in simulator.platform.apps.values()
            ]
        }
    )


@post("/apps", status_code=200)
async def _register(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Add an app, or change the one of the same corp and number."""
    simulator.register(_checked(_APP, await request.body()))
    return _json({})


@post("/members", status_code=200)
async def _add_members(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Add members."""
    members = _checked(_MEMBERS, await request.body())
    try:
        simulator.add_members(members)
    except ValueError as error:
        raise ClientException(detail=str(error)) from error
    return _json({})


@get("/menu")
async def _menu(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Return the buttons of an app's menu."""
    asked = _from_query(_Which, request)
    _app(simulator, asked)
    return _json({"button": simulator.menu(agent_id=asked.agent_id, corp_id=asked.corp_id)})


@post("/tokens/expire", status_code=200)
async def _expire_tokens(simulator: _FromSimulator) -> Response[bytes]:
    """End all access tokens before their time."""
    simulator.expire_tokens()
    return _json({})


@post("/verify", status_code=200)
async def _verify(request: _Request, simulator: _FromSimulator) -> Response[bytes]:
    """Check an app's callback URL."""
    asked = await _from_body(_Which, request)
    _app(simulator, asked)
    return _json(await simulator.verify_url(agent_id=asked.agent_id, corp_id=asked.corp_id))


def _from_this_machine(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Refuse what a web page or a proxy brought here: only programs on this machine may drive the simulator."""
    for name in connection.headers:
        if name in {"forwarded", "via", "x-real-ip", "origin"} or name.startswith("x-forwarded-"):
            raise PermissionDeniedException(detail=f"requests with {name} are not answered")
    # A browser sends it always, and with "none" only for what somebody typed into it.
    if connection.headers.get("sec-fetch-site", "none") != "none":
        raise PermissionDeniedException(detail="web pages are not answered")
    # A page whose name was bound to 127.0.0.1 a moment ago still carries that name.
    if not _is_loopback(connection.headers.get("host", "")):
        raise PermissionDeniedException(detail="only localhost, 127.0.0.1 and [::1] are answered")


def _is_loopback(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _app(simulator: WeComSimulator, which: _Which | _Who) -> App:
    try:
        return simulator.app(which.agent_id, which.corp_id)
    except LookupError as error:
        raise NotFoundException(detail=str(error)) from error


def _phone(simulator: WeComSimulator, who: _Who) -> Phone:
    try:
        return simulator.phone(who.user, agent_id=who.agent_id, corp_id=who.corp_id)
    except LookupError as error:
        raise NotFoundException(detail=str(error)) from error


async def _from_body(shape: type[_S], request: _Request) -> _S:
    return _checked(TypeAdapter(shape), await request.body())


def _from_query(shape: type[_S], request: _Request) -> _S:
    try:
        return shape.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise _unfit(error) from error


_T = TypeVar("_T")


def _checked(adapter: TypeAdapter[_T], raw: bytes) -> _T:
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        raise _unfit(error) from error


def _unfit(error: ValidationError) -> ClientException:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return ClientException(
        detail="; ".join(f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in problems)
    )


def _json(value: object) -> Response[bytes]:
    return Response(to_json(value), media_type=MediaType.JSON)
