"""What makes a kind of channel: its settings, how it opens, what is checked, its menu, and what the doctor looks at."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from adapters.simulator.platform.apps import App
from pipeline.events import InboundEvent, Person
from pipeline.findings import Finding, FindingFactory
from pipeline.ports import (
    Channel,
    ConnectionLease,
    MediaStore,
    PolledStreamStore,
    SendLog,
    WebhookRequest,
    WebhookResponse,
)
from pipeline.settings import ChannelSettings, MenuButton
from pipeline.supervision import SupervisedLoop
from pipeline.text.i18n import Language

if TYPE_CHECKING:
    # Its HTTP server is not for every shell verb that reads the settings.
    from adapters.simulator.simulator import WeComSimulator

S = TypeVar("S", bound=ChannelSettings)

Accept = Callable[[InboundEvent], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What a channel is opened with beside its settings; `cache_folder` may be shared with other channels."""

    name: str
    media: MediaStore
    send_log: SendLog
    lease: ConnectionLease
    streams: PolledStreamStore
    cache_folder: Path
    shared_database: bool = False
    """Whether other processes send to the same people."""
    proxy: str = ""
    language: Language = "zh"


async def nothing_to_forget(_: Person) -> None:
    """Do nothing: the channel remembers nothing of people."""


def delivered_here() -> bool:
    """Return that any process can deliver: the platform is called, and holds no connection."""
    return True


def no_trouble() -> str:
    """Return nothing: a channel that is called cannot know whether it will be."""
    return ""


@dataclass(frozen=True, slots=True)
class OpenedChannel:
    """A channel at work; `path` is where its platform calls, empty where it does not call."""

    channel: Channel
    path: str = ""
    forget: Callable[[Person], Awaitable[None]] = nothing_to_forget
    """Drops what the channel remembers of a person."""
    respond: Callable[[WebhookRequest, Accept], Awaitable[WebhookResponse]] | None = None
    """Answers a call with what is known by then, where the platform asks for more than to be heard; as `receive`, it
    raises `BadCallback`."""
    start: Callable[[Accept], SupervisedLoop] | None = None
    """Begins to listen where the channel is not called at a path, handing what comes to the given entrance."""
    trouble: Callable[[], str] = no_trouble
    """Says why nothing comes in, or nothing; `/readyz` shows it."""
    bot_id: str = ""
    """The bot that it connects as, empty where it is called; `/readyz?bot=` asks for it."""
    delivers: Callable[[], bool] = delivered_here
    """Whether answers can be delivered from this process, of several."""


@dataclass(frozen=True, slots=True)
class StandInContext:
    """Where a channel without credentials is simulated; `number` counts them, `own_url` is where this service is."""

    name: str
    number: int
    own_url: str
    simulator: "WeComSimulator"

    @property
    def agent_id(self) -> int:
        """Return the number of the application that stands in; WeCom's own begin here."""
        return 1000002 + self.number


@dataclass(frozen=True, slots=True)
class ExaminationContext:
    """What the doctor knows when it looks at a channel; `local_url` is empty while the service does not run."""

    name: str
    findings: FindingFactory
    seconds: float
    proxy: str
    buttons: Sequence[MenuButton]
    local_url: str
    public_url: str
    simulator_enabled: bool
    last_accepted: Callable[[], Awaitable[datetime | None]]
    """Looks up when the channel's latest message came."""

    async def examine_arrivals(self, none: str, **values: object) -> Finding:
        """Return when the latest message came; `none` is the doctor's sentence where none ever did."""
        latest = await self.last_accepted()
        if latest is None:
            return self.findings.warning("arrived", none, f"{none}_fix", **values)
        return self.findings.ok("arrived", "arrived_ok", when=latest.astimezone().strftime("%Y-%m-%d %H:%M"))


class ChannelMenu(Protocol):
    """The menu that a platform shows under a channel."""

    async def create_menu(self, buttons: Sequence[MenuButton]) -> None:
        """Set the menu, in place of any there is."""

    async def menu(self) -> Sequence[Mapping[str, Any]]:
        """Return the menu as the platform writes it, nothing if there is none."""

    async def delete_menu(self) -> None:
        """Take the menu away."""


@dataclass(frozen=True)
class ChannelKind(Generic[S]):
    """One kind of channel, as `web.channel_kinds` lists them; `name` is its `kind` in the settings."""

    name: str
    settings: type[S]
    """The model of the keys of its own."""
    open: Callable[[S, ChannelContext], OpenedChannel]
    """Opens a channel that has all its credentials; reads files."""
    examine: Callable[[S, ExaminationContext], AsyncIterator[Finding]]
    """Yields what the doctor finds."""
    connect: Callable[[S, ExaminationContext], AsyncIterator[Finding]] | None = None
    """Connects for a moment, taking the place of whoever is connected; None for a platform that calls."""
    stand_in: Callable[[S, StandInContext], tuple[S, App]] | None = None
    """Registers a channel without credentials with the simulator and returns settings that lead there; None for a
    platform that the simulator does not play."""
    clashes: Callable[[Mapping[str, S]], Sequence[str]] = lambda _: ()
    """Returns what keeps channels of this kind, by name, from being open together."""
    menu: Callable[[S, Path, str], AbstractAsyncContextManager[ChannelMenu]] | None = None
    """Opens the menu, with a cache folder and a proxy; None for a platform that shows none."""
    check_menu: Callable[[Sequence[MenuButton]], object] = lambda _: None
    """Raises `SettingsInvalid` for a menu that the platform would refuse."""
