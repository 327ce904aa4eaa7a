"""What may go wrong in the pretend WeCom, at a press of a button: the presets and the panel that shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from litestar import MediaType, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from adapters.simulator.faults import (
    BotMishap,
    BotMishapName,
    Drop,
    Errcode,
    Fault,
    Hang,
    HoldBack,
    HttpStatus,
    LoseAnswer,
    NotJson,
    Repeat,
    Slow,
)
from adapters.simulator.simulator import WeComSimulator
from web.console.chat.session import ConsoleSessions
from web.console.pages import FRESH, rendered, words_for
from web.console.request_models import whole_number
from web.security.roles import Permission

_Request = Request[Any, Any, Any]

PRESETS: Mapping[str, Fault] = {
    "rate_limited": Errcode(45009),
    "busy": Errcode(-1),
    "untrusted_ip": Errcode(60020, "203.0.113.7"),
    "http_500": HttpStatus(500),
    "slow": Slow(3.0),
    "drop": Drop(),
    "repeat": Repeat(3),
    "out_of_order": HoldBack(5.0),
    **{f"bot_{name}": BotMishap(name) for name in get_args(BotMishapName)},
}
"""By the name under which the catalogue describes them. An expired token is no rule but an event: see `expired`."""

EXPIRED = "expired"
_CALLED: frozenset[BotMishapName] = frozenset({"lose_answer", "stop_asking", "response_expired"})
_OF_BOTH: frozenset[BotMishapName] = frozenset({"control_characters", "redelivered"})
"""What happens to bots however they are reached."""
_TIMES = {"1": 1, "3": 3, "": None}


@dataclass(frozen=True, slots=True)
class InForce:
    """A fault that is in force; `left` is how often it will still strike, None for always."""

    number: int
    name: str
    left: int | None


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """The faults of one kind of channel."""

    of: Literal["application", "connection", "callback"]
    presets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FaultPanel:
    """What the panel shows: faults for the kinds of channel there are."""

    groups: tuple[FaultGroup, ...]
    in_force: tuple[InForce, ...]

    @property
    def presets(self) -> tuple[str, ...]:
        """Return the names that can be set."""
        return tuple(dict.fromkeys(name for group in self.groups for name in group.presets))


def fault_panel(simulator: WeComSimulator) -> FaultPanel:
    """Return the faults that are active now, and those that can be."""
    rules = simulator.faults.rules().items()
    apps = simulator.platform.apps.values()
    kinds = {"application" if not app.bot_id else "callback" if app.callback_url else "connection" for app in apps}
    groups = (
        FaultGroup("application", (EXPIRED, *(name for name in PRESETS if _mishap(name) is None))),
        FaultGroup("connection", tuple(name for name in PRESETS if _mishap(name) not in {None, *_CALLED})),
        FaultGroup("callback", tuple(name for name in PRESETS if _mishap(name) in _CALLED | _OF_BOTH)),
    )
    return FaultPanel(
        tuple(group for group in groups if group.of in kinds),
        tuple(InForce(number, _name(rule.fault), left) for number, (rule, left) in rules),
    )


def set_fault(simulator: WeComSimulator, name: str, calls: int | None) -> None:
    """Activate a preset. Raises `KeyError` for an unknown name."""
    if name == EXPIRED:
        simulator.expire_tokens()
        return
    fault = PRESETS[name]
    match fault:
        # Only where answers are sent, so that it is seen in the conversation.
        case Errcode() | HttpStatus() | NotJson() | Slow() | Hang() | Drop():
            simulator.add_fault(fault, route="message/send", calls=calls)
        case Repeat() | LoseAnswer() | HoldBack() | BotMishap():
            simulator.add_fault(fault, calls=calls)


def fault_routes(rooms: ConsoleSessions) -> list[HTTPRouteHandler]:
    """Make the routes of the panel; each answers with the panel as it then is."""

    def panel(request: _Request) -> Response[str]:
        html = rendered("faults.html", words_for(request), faults=fault_panel(rooms.simulator))
        return Response(html, media_type=MediaType.HTML, headers=FRESH)

    @get("/faults", permission=Permission.CHAT, sync_to_thread=False)
    def show(request: _Request) -> Response[str]:
        return panel(request)

    @post("/faults", permission=Permission.CHAT, status_code=200)
    async def add(request: _Request) -> Response[str]:
        form = await request.form()
        try:
            set_fault(rooms.simulator, str(form["fault"]), _TIMES[str(form.get("calls", ""))])
        except KeyError:
            raise HTTPException(status_code=400, detail="console.bad_form") from None
        return panel(request)

    @post("/faults/clear", permission=Permission.CHAT, status_code=200)
    async def clear(request: _Request) -> Response[str]:
        number = str((await request.form()).get("number", ""))
        # Left out, all of them go; what is no number is none of them.
        if number and whole_number(number) is None:
            raise HTTPException(status_code=400, detail="console.bad_form")
        rooms.simulator.clear_faults(whole_number(number))
        return panel(request)

    return [show, add, clear]


def _mishap(preset: str) -> BotMishapName | None:
    fault = PRESETS.get(preset)
    return fault.name if isinstance(fault, BotMishap) else None


def _name(fault: Fault) -> str:
    named = (name for name, preset in PRESETS.items() if preset == fault)
    return next(named, fault.kind)
