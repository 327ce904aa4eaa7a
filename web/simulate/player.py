"""Plays a scripted conversation of many members at once."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from adapters.aibot.event_reader import event_key
from adapters.simulator.callback_sender import DeliveryResult, encrypted_post
from adapters.simulator.callback_xml import is_message
from adapters.simulator.faults import Repeat
from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.timeline import Delivered, MemberAction
from adapters.simulator.simulator import WeComSimulator
from pipeline.events import Content, File, Image, Text, Voice
from pipeline.ports import Channel, WebhookRequest
from storage.database.engine import Database
from storage.monitoring.status import TurnStatus, turn_statuses
from web.simulate.report import MemberRun, Report, SentMessage, build_report

_PROGRESS_SECONDS = 0.25
_LOOK_SECONDS = 0.1
_AT_ONCE = 64


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Do(_Shape):
    """The member says or presses something."""

    kind: Literal["do"] = "do"
    content: Annotated[Content, Field(discriminator="kind")]


class Send(_Shape):
    """The member sends a file; `type` is image, voice or file."""

    kind: Literal["send"] = "send"
    type: Literal["image", "voice", "file"]
    name: str
    data: Base64Bytes


class Wait(_Shape):
    """The member does nothing for a while."""

    kind: Literal["rest"] = "rest"
    seconds: float = Field(ge=0)


Act = Do | Send | Wait


class Plan(_Shape):
    """What is to be played; `rate` in messages a second over all users, None for one after the other's answer."""

    acts: tuple[Annotated[Act, Field(discriminator="kind")], ...] = Field(min_length=1)
    users: int = Field(default=1, ge=1, le=100_000)
    rate: float | None = Field(default=None, gt=0)
    repeat: int = Field(default=1, ge=1)
    deliver: int = Field(default=1, ge=1, le=100)
    groups: int = Field(default=0, ge=0, le=10_000)
    """Over how many groups the people are spread; 0 for single chats. Only an AI bot has groups."""
    patience: float = Field(default=60.0, gt=0)
    """Seconds without any answer after which those still open are lost."""

    @property
    def messages(self) -> int:
        """Count what will be said."""
        return self.users * self.repeat * sum(not isinstance(act, Wait) for act in self.acts)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    sent: int
    seen: int
    of: int
    kind: Literal["progress"] = "progress"


@dataclass
class _Player(MemberRun):
    """One member at work."""

    phone: Phone = field(kw_only=True)
    pressed: dict[Content, int] = field(default_factory=dict)

    async def listen(self) -> None:
        async for entry in self.phone.watch():
            self._note(entry)

    def catch_up(self) -> None:
        for entry in self.phone.entries():
            self._note(entry)

    def _note(self, entry: object) -> None:
        # An answer that still grows is none yet.
        if isinstance(entry, Delivered) and not entry.streaming:
            self.received[entry.msgid] = entry


class Simulation:
    """Plays a plan once. `notices` are the sentences that may come besides the answers."""

    def __init__(
        self,
        plan: Plan,
        *,
        simulator: WeComSimulator,
        app: App,
        channel: Channel,
        database: Database,
        notices: frozenset[str] = frozenset(),
    ) -> None:
        self._plan = plan
        self._simulator = simulator
        self._app = app
        self._channel = channel
        self._database = database
        self._notices = notices
        # The service shares its processor with whoever writes to it: more at once would only wait for one another.
        self._posting = asyncio.Semaphore(_AT_ONCE)
        self._sent = 0
        self._players: list[_Player] = []

    async def run(self) -> AsyncGenerator[Progress | Report]:
        """Play, telling now and then how far it is, and at last what became of everything."""
        work = asyncio.create_task(self._play())
        try:
            while not (await asyncio.wait({work}, timeout=_PROGRESS_SECONDS))[0]:
                yield Progress(self._sent, sum(len(player.received) for player in self._players), self._plan.messages)
            yield work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _play(self) -> Report:
        loop = asyncio.get_running_loop()
        started = loop.time()
        # A name of this run's own: nobody it could be mistaken for, and no earlier conversation.
        run = secrets.token_hex(3)
        app = self._app
        groups = [f"sim-{run}-group-{n}" for n in range(1, self._plan.groups + 1)] or [""]
        self._players = [
            _Player(
                phone=self._simulator.phone(
                    f"sim-{run}-{n:05d}",
                    agent_id=app.agent_id,
                    corp_id=app.corp_id,
                    group=groups[n % len(groups)],
                )
            )
            for n in range(1, self._plan.users + 1)
        ]
        async with AsyncExitStack() as stack:
            if self._plan.deliver > 1:
                rule = self._simulator.add_fault(Repeat(self._plan.deliver))
                stack.callback(self._simulator.clear_faults, rule)
            for player in self._players:
                stack.callback(asyncio.create_task(player.listen()).cancel)
            pace = _pace(self._plan.rate)
            async with asyncio.TaskGroup() as group:
                for player in self._players:
                    group.create_task(self._speak(player, pace))
            found = await self._settle()
            for player in self._players:
                player.catch_up()
        return build_report(
            self._players,
            found,
            notices=self._notices,
            polled=bool(app.bot_id and app.callback_url),
            seconds=loop.time() - started,
        )

    async def _speak(self, player: _Player, pace: Callable[[], Awaitable[None]]) -> None:
        for _ in range(self._plan.repeat):
            for act in self._plan.acts:
                match act:
                    case Wait():
                        await asyncio.sleep(act.seconds)
                    case Do() | Send():
                        await pace()
                        await self._say(player, *_content(act, player.phone))

    async def _say(self, player: _Player, content: Content, attachments: tuple[Content, ...] = ()) -> None:
        app = player.phone.app
        if not is_message(content):
            await self._next_second(player, content)
        async with self._posting:
            said = self._simulator.platform.note(
                app,
                player.phone.user,
                content,
                is_message=is_message(content),
                group=player.phone.group,
                attachments=attachments,
            )
            self._sent += 1
            posting = await self._deliver(app, said)
        player.sent.append(SentMessage(said, self._key(app, said, posting), posting))
        if self._plan.rate is None and posting.accepted:
            await self._answer(player, said)

    async def _deliver(self, app: App, said: MemberAction) -> DeliveryResult:
        if not app.bot_id:
            return await self._simulator.callback_sender.deliver(app, said)
        bots = self._simulator.bots
        # An event has no id by which it could be told again.
        times = self._plan.deliver if said.msg_id else 1
        return (await asyncio.gather(*(bots.deliver(app, said) for _ in range(times))))[0]

    async def _next_second(self, player: _Player, content: Content) -> None:
        """Wait until the next second between two equal events: their keys contain the second, and would be equal."""
        clock = self._simulator.platform.clock
        if player.pressed.get(content) == int(clock()):
            await asyncio.sleep(1.01 - clock() % 1.0)
        player.pressed[content] = int(clock())

    async def _answer(self, player: _Player, said: MemberAction) -> None:
        """Wait for the first word of an answer, or for the turn to end without one."""
        key = player.sent[-1].key
        loop = asyncio.get_running_loop()
        end = loop.time() + self._plan.patience
        while loop.time() < end:
            if player.phone.group:
                # What comes to a group may answer another.
                found = await turn_statuses(self._database, [key])
                if key in found and found[key].is_over:
                    return
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            try:
                await player.phone.messages(count=1, after=said.number, within=1.0)
            except TimeoutError:
                found = await turn_statuses(self._database, [key])
                if key in found and found[key].is_over:
                    return
            else:
                return

    def _key(self, app: App, said: MemberAction, posting: DeliveryResult) -> str:
        if app.bot_id:
            return event_key(app.bot_id, posting.msg_id)
        # The channel reads its own key out of the callback, so no rule about keys is repeated here.
        url, body = encrypted_post(app, said)
        _, event = self._channel.receive(WebhookRequest("POST", dict(parse_qsl(urlsplit(url).query)), body))
        return event.key if event else ""

    async def _settle(self) -> Mapping[str, TurnStatus]:
        """Wait until every turn is over, or none has ended for as long as patience lasts."""
        spoken = [one for player in self._players for one in player.sent if one.key]
        waiting = [one.key for one in spoken]
        # What was never acknowledged may have been stored all the same; if not, there is nothing to wait for.
        refused = {one.key for one in spoken if not one.delivery.accepted}
        found: dict[str, TurnStatus] = {}
        loop = asyncio.get_running_loop()
        end = loop.time() + self._plan.patience
        while waiting:
            found |= await turn_statuses(self._database, waiting)
            left = [key for key in waiting if not (found[key].is_over if key in found else key in refused)]
            if len(left) < len(waiting):
                end = loop.time() + self._plan.patience
            waiting = left
            if not waiting or loop.time() >= end:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return found


def _content(act: Do | Send, phone: Phone) -> tuple[Content, tuple[Content, ...]]:
    """Return what is said, and the files in one message with it: in a group the bot gets only what mentions it."""
    mention = f"@{phone.app.name}"
    match act:
        case Do(content=Text(text)) if phone.group:
            return Text(f"{mention} {text}"), ()
        case Do():
            return act.content, ()
        case Send() if phone.group:
            return Text(mention), (_file(act, phone),)
        case Send():
            return _file(act, phone), ()


def _file(act: Send, phone: Phone) -> Content:
    media_id = phone.put(act.type, act.data, act.name)
    match act.type:
        case "image":
            return Image(media_id)
        case "voice":
            return Voice(media_id, "amr")
        case "file":
            return File(media_id, act.name)


def _pace(rate: float | None) -> Callable[[], Awaitable[None]]:
    """Return what waits for the next message's moment, over all who speak."""
    loop = asyncio.get_running_loop()
    following = loop.time()

    async def wait() -> None:
        nonlocal following
        if rate is not None:
            mine = following = max(following, loop.time() - 1.0) + 1.0 / rate
            await asyncio.sleep(max(0.0, mine - loop.time()))

    return wait
