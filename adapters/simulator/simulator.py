"""A pretend WeCom that listens: start it, and `api_base` of a channel can point at it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Self

from litestar.types import ControllerRouterHandler

from adapters.simulator.api.qyapi import ROUTES
from adapters.simulator.bots.bot_server import BotServer
from adapters.simulator.callback_sender import CallbackSender, RetryPolicy, Verification
from adapters.simulator.faults import EVERY, Fault, Faults, Rule
from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import ApiLimits, App
from adapters.simulator.platform.directory import Member
from adapters.simulator.platform.errcodes import ApiError
from adapters.simulator.platform.media import Media
from adapters.simulator.platform.state import Button, Platform
from adapters.simulator.platform.stats import Stats
from adapters.simulator.platform.timeline import Delivered, Entry
from adapters.simulator.server import SimulatorServer


class WeComSimulator:
    """Everything the simulator can do; other code reaches it over HTTP once it is started: WeCom's API under /cgi-bin.

    Where `agent_id` and `corp_id` may be left out, they must be given once several apps are registered. `members`
    None lets anybody in whose user id is well-formed; `seed` makes faults by chance repeatable.
    """

    _server: SimulatorServer | None = None
    url = ""
    """The base URL while it listens."""
    bot_url = ""
    """Where AI bots connect while it listens."""

    def __init__(
        self,
        apps: Iterable[App] = (),
        *,
        members: Iterable[Member] | None = None,
        limits: ApiLimits | None = None,
        retry_policy: RetryPolicy | None = None,
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
    ) -> None:
        self.platform = Platform(members=members, limits=limits, clock=clock)
        self.faults = Faults(seed)
        self.callback_sender = CallbackSender(self.faults, self.platform.counts, retry_policy or RetryPolicy())
        self.bots = BotServer(self.platform, self.faults)
        for app in apps:
            self.register(app)

    @property
    def counts(self) -> Stats:
        """Return how often each thing happened so far."""
        return self.platform.counts

    def register(self, app: App) -> App:
        """Add an app, or change the one of the same corp and number: a new callback URL, new secrets."""
        return self.platform.register(app)

    def app(self, agent_id: int | None = None, corp_id: str | None = None) -> App:
        """Return a registered app; `LookupError` when none or several fit."""
        return self.platform.app(agent_id, corp_id)

    def add_members(self, members: Iterable[Member]) -> None:
        """Add members."""
        for member in members:
            self.platform.directory.add(member)

    def phone(self, user: str, *, agent_id: int | None = None, corp_id: str | None = None, group: str = "") -> Phone:
        """Return a member's phone with an app open, or with a group that a bot is in; `LookupError` for a stranger."""
        return Phone(self.platform, self.callback_sender, self.app(agent_id, corp_id), user, self.bots, group)

    async def messages(
        self, user: str, *, count: int = 1, within: float = 5.0, after: int | None = None, agent_id: int | None = None
    ) -> tuple[Delivered, ...]:
        """Wait for messages on a phone; see `Phone.messages`."""
        return await self.phone(user, agent_id=agent_id).messages(count=count, within=within, after=after)

    async def texts(
        self, user: str, *, count: int = 1, within: float = 5.0, after: int | None = None, agent_id: int | None = None
    ) -> list[str]:
        """Wait for messages on a phone and return what a person can read of each."""
        return await self.phone(user, agent_id=agent_id).texts(count=count, within=within, after=after)

    def watch(self, user: str, *, after: int = 0, agent_id: int | None = None) -> AsyncIterator[Entry]:
        """Follow a conversation, both sides; see `Phone.watch`."""
        return self.phone(user, agent_id=agent_id).watch(after)

    def menu(self, *, agent_id: int | None = None, corp_id: str | None = None) -> Sequence[Button]:
        """Return the buttons of an app's menu, none if it has none."""
        return self.platform.menus.get(self.app(agent_id, corp_id).key, ())

    def media(self, media_id: str, *, agent_id: int | None = None, corp_id: str | None = None) -> Media:
        """Return a file with its bytes; `LookupError` when it is gone."""
        try:
            return self.platform.uploads.find(self.app(agent_id, corp_id).corp_id, media_id)
        except ApiError:
            raise LookupError(f"there is no media {media_id!r}, or no longer") from None

    def add_fault(self, fault: Fault, *, route: str = EVERY, calls: int | None = None, chance: float = 1.0) -> int:
        """Add a fault; see `Rule`. Returns the number for `clear_faults`.

        Raises `ValueError` for a route there is not, and for figures that make no sense.
        """
        if route not in {EVERY, *ROUTES}:
            raise ValueError(f"there is no route {route!r}; there are * and {', '.join(ROUTES)}")
        return self.faults.set(Rule(fault, route, calls, chance))

    def clear_faults(self, number: int | None = None) -> None:
        """Remove one fault, or all."""
        self.faults.clear(number)

    def expire_tokens(self, *, agent_id: int | None = None) -> None:
        """End an app's access token before its time, or all apps'."""
        self.platform.tokens.expire(None if agent_id is None else self.app(agent_id).key)

    async def verify_url(self, *, agent_id: int | None = None, corp_id: str | None = None) -> Verification:
        """Check an app's callback URL, as WeCom does when it is saved."""
        return await self.callback_sender.verify(self.app(agent_id, corp_id))

    def more_routes(self, closing: asyncio.Event) -> Sequence[ControllerRouterHandler]:  # noqa: ARG002
        """Return routes to serve beside WeCom's, none here; what waits in them ends when `closing` is set."""
        return ()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen in the running event loop and give the base URL.

        Raises `SettingsInvalid` for a host beyond this machine and `OSError` for a port that is taken.
        """
        if self._server is not None:
            raise RuntimeError("the simulator is running already")
        server = SimulatorServer(self.platform, self.faults)
        self.url = await server.start(host, port, self.more_routes(server.closing))
        self._server = server
        self.bot_url = await self.bots.start()
        return self.url

    async def stop(self) -> None:
        """Stop listening; conversations stay, and it can be started again."""
        if self._server is not None:
            await self.bots.stop()
            await self._server.stop()
            self._server, self.url, self.bot_url = None, "", ""

    async def aclose(self) -> None:
        """Stop listening and let go of connections, for good."""
        await self.stop()
        await self.callback_sender.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()
