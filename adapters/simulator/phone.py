"""A member with one app open on the phone: says things, presses things, and reads what comes."""

import asyncio
from collections.abc import AsyncIterator

from adapters.simulator.bots.bot_server import BotServer
from adapters.simulator.callback_sender import CallbackSender, DeliveryResult
from adapters.simulator.callback_xml import is_message
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.state import Platform, chat_of
from adapters.simulator.platform.timeline import Delivered, Entry, Timeline
from pipeline.events import (
    Clicked,
    Content,
    Entered,
    File,
    Image,
    Link,
    Location,
    Subscribed,
    Text,
    Unsubscribed,
    Video,
    Viewed,
    Voice,
)


class Phone:
    """One member and one app; making it twice gives the same conversation."""

    def __init__(
        self,
        platform: Platform,
        callback_sender: CallbackSender,
        app: App,
        user: str,
        bots: BotServer | None = None,
        group: str = "",
    ) -> None:
        member = platform.directory.find(user)
        if member is None:
            raise LookupError(f"{user!r} is no member of {app.corp_id}")
        self.user = member.user
        self._platform = platform
        self._callback_sender = callback_sender
        self._bots = bots
        self.group = group
        """The group the phone shows, empty for the single chat."""
        self._key = app.key

    @property
    def app(self) -> App:
        """Return the app as it is registered now."""
        return self._platform.apps[self._key]

    async def do(
        self,
        content: Content,
        *,
        quote: Content | None = None,
        attachments: tuple[Content, ...] = (),
        is_addressed: bool = True,
    ) -> DeliveryResult:
        """Do something that WeCom reports; returns when the app has accepted the report or WeCom has given it up.

        What is said in a group and not to the bot (`is_addressed` false) is shown there, and reported to nobody.
        """
        said = self._platform.note(
            self.app,
            self.user,
            content,
            is_message=is_message(content),
            group=self.group,
            quote=quote,
            attachments=attachments,
        )
        if not is_addressed:
            return DeliveryResult(said.msg_id, (), ())
        if self.app.bot_id and self._bots is not None:
            return await self._bots.deliver(self.app, said)
        return await self._callback_sender.deliver(self.app, said)

    async def say(self, text: str) -> DeliveryResult:
        """Write words."""
        return await self.do(Text(text))

    async def send_image(self, data: bytes, name: str = "") -> DeliveryResult:
        """Send a picture."""
        return await self.do(Image(self.put("image", data, name)))

    async def send_voice(self, data: bytes, encoding: str = "amr") -> DeliveryResult:
        """Send speech; the app is told the name of its encoding."""
        return await self.do(Voice(self.put("voice", data, f"voice.{encoding}"), encoding))

    async def send_video(self, data: bytes, name: str = "") -> DeliveryResult:
        """Send a film."""
        return await self.do(Video(self.put("video", data, name)))

    async def send_file(self, data: bytes, name: str) -> DeliveryResult:
        """Send a document."""
        return await self.do(File(self.put("file", data, name), name))

    async def send_location(self, latitude: float, longitude: float, label: str = "") -> DeliveryResult:
        """Send a place."""
        return await self.do(Location(latitude, longitude, label))

    async def send_link(self, title: str, url: str, description: str = "") -> DeliveryResult:
        """Share a web page."""
        return await self.do(Link(title, description, url))

    async def click(self, key: str) -> DeliveryResult:
        """Click a menu button that has a key."""
        return await self.do(Clicked(key))

    async def view(self, url: str) -> DeliveryResult:
        """Click a menu button that opens a page."""
        return await self.do(Viewed(url))

    async def enter(self) -> DeliveryResult:
        """Open the app."""
        return await self.do(Entered())

    async def subscribe(self) -> DeliveryResult:
        """Enter the app's visible range."""
        return await self.do(Subscribed())

    async def unsubscribe(self) -> DeliveryResult:
        """Leave the app's visible range."""
        return await self.do(Unsubscribed())

    def put(self, kind: str, data: bytes, name: str = "") -> str:
        """Store a file for `media/get` and return its media id; `kind` is image, voice, video or file."""
        return self._platform.uploads.put(self._key[0], kind, data, name=name).label.media_id

    async def messages(
        self, *, count: int = 1, within: float = 30.0, after: int | None = None
    ) -> tuple[Delivered, ...]:
        """Return all kept messages numbered higher than `after` once there are at least `count` of them.

        Left out, `after` is the last one of an earlier run.

        Raises `TimeoutError` when that takes longer than `within` seconds, and `ValueError` for a `count` that
        no phone keeps.
        """
        kept = self._platform.limits.kept_messages
        if count > kept:
            raise ValueError(f"a phone keeps {kept} messages here, so {count} will never be there at once")
        try:
            async with asyncio.timeout(within):
                return await self._screen.wait(count=count, after=self._start if after is None else after)
        except TimeoutError:
            came = sum(isinstance(entry, Delivered) for entry in self.entries(after))
            raise TimeoutError(f"{self.user} got {came} of {count} messages within {within:g} s") from None

    async def texts(self, *, count: int = 1, within: float = 30.0, after: int | None = None) -> list[str]:
        """Wait as `messages` does and return what a person can read of each."""
        return [message.text for message in await self.messages(count=count, within=within, after=after)]

    def entries(self, after: int | None = None) -> list[Entry]:
        """Return the conversation, both sides, as far as the phone keeps it; left out, `after` is as for `messages`."""
        return self._screen.after(self._start if after is None else after)

    def watch(self, after: int = 0) -> AsyncIterator[Entry]:
        """Yield the conversation, both sides, from behind a number on and for ever."""
        return self._screen.watch(after)

    @property
    def _start(self) -> int:
        return self._platform.earlier

    @property
    def _screen(self) -> Timeline:
        return self._platform.timeline(self.app, chat_of(self.user, self.group))
