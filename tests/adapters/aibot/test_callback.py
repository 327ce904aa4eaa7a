"""A bot that is called back: what WeCom is answered, and what becomes of an answer it does not ask for."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.aibot.callback.callback_channel import CallbackBotChannel, PollTiming
from adapters.simulator.bots.bot_poller import BotPoller
from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import App, invent_bot
from adapters.simulator.simulator import WeComSimulator
from pipeline.errors import BadCallback, TryAgain, Undeliverable
from pipeline.events import Feedback, InboundEvent, Text
from pipeline.ports import WebhookRequest, WebhookResponse
from pipeline.replies import FileReply, ImagePart, ImageReply, StoredMedia, TextPart, TextReply
from storage.conversations.polled_streams import KEPT_SECONDS, PolledStreamTable, drop_old_streams, forget_streams
from storage.database.engine import Database
from tests.fakes.ports import FakeSendLimiter, MemoryMedia
from tests.service import until

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
QUICK = PollTiming(draft=0.02, look=0.02, unread=0.3, welcome=0.5)


@dataclass
class CalledBot:
    """A bot behind an HTTP server of its own, and what it accepted."""

    simulator: WeComSimulator
    app: App
    channel: CallbackBotChannel
    media: MemoryMedia
    accepted: "asyncio.Queue[InboundEvent]" = field(default_factory=asyncio.Queue)
    seen: set[str] = field(default_factory=set)
    full: bool = False
    late: bool = False
    now: float = 1_000_000.0

    @property
    def poller(self) -> BotPoller:
        return self.simulator.bots.poller

    @property
    def phone(self) -> Phone:
        return self.simulator.phone("zhangsan")

    async def accept(self, event: InboundEvent) -> bool:
        if self.full:
            raise TryAgain("the disk is full")
        if self.late or event.key in self.seen:
            return False
        self.seen.add(event.key)
        self.accepted.put_nowait(event)
        return True

    async def respond(self, call: WebhookRequest) -> WebhookResponse:
        return await self.channel.respond(call, self.accept)

    async def asked(self, text: str = "question") -> InboundEvent:
        await self.phone.say(text)
        async with asyncio.timeout(60):
            return await self.accepted.get()

    async def refresh(self, stream_id: str, user: str = "zhangsan") -> Mapping[str, Any]:
        """Ask for a stream as WeCom does."""
        body = {"msgid": "refresh", "aibotid": self.app.bot_id, "chattype": "single", "from": {"userid": user}}
        _, answer = await self.poller.ask(self.app, {**body, "msgtype": "stream", "stream": {"id": stream_id}})
        assert answer is not None
        stream: Mapping[str, Any] = answer["stream"]
        return stream

    def frames(self) -> list[tuple[str, bool]]:
        return [(str(each["content"]), bool(each["finish"])) for each in self.poller.shown]


@asynccontextmanager
async def called_bot(database: Database, timing: PollTiming = QUICK) -> AsyncIterator[CalledBot]:
    async with WeComSimulator() as simulator:
        simulator.bots.poller.pause = simulator.bots.poller.again = 0.02
        app = invent_bot()
        keys = {"token": SecretStr(app.token), "encoding_aes_key": SecretStr(app.encoding_aes_key)}
        table = WeComAibotSettings.model_validate({"mode": "callback", "connection_url": simulator.bot_url, **keys})
        media = MemoryMedia()
        channel = CallbackBotChannel(
            "bot",
            table,
            streams=PolledStreamTable(database),
            media=media,
            send_limiter=FakeSendLimiter(),
            language="en",
            timing=timing,
            clock=lambda: bot.now,
        )
        bot = CalledBot(simulator, app, channel, media)

        async def serve(request: web.Request) -> web.Response:
            try:
                answer = await bot.respond(WebhookRequest(request.method, dict(request.query), await request.read()))
            except BadCallback as refusal:
                return web.Response(status=refusal.status)
            except TryAgain:
                return web.Response(status=500)
            return web.Response(status=answer.status, text=answer.body)

        server = web.Application()
        server.router.add_route("*", "/bot", serve)
        runner = web.AppRunner(server, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        bot.app = simulator.register(
            App(
                **{name: getattr(app, name) for name in ("corp_id", "agent_id", "secret", "token", "encoding_aes_key")},
                bot_id=app.bot_id,
                callback_url=f"http://127.0.0.1:{runner.addresses[0][1]}/bot",
            )
        )
        try:
            yield bot
        finally:
            await channel.aclose()
            await simulator.bots.poller.aclose()
            await runner.cleanup()


def part(text: str) -> TextPart:
    return TextPart(text, "markdown")


async def test_dots_drafts_and_the_answer_and_the_channel_proves_itself(database: Database) -> None:
    async with called_bot(database) as bot:
        assert (await bot.simulator.verify_url()).ok
        event = await bot.asked()
        bot.channel.show(event, "one\n```py\ntwo")
        bot.channel.notify(event, "drawing…")
        await until(lambda: any("drawing…" in text for text, _ in bot.frames()))
        await bot.channel.reply(event, part("the answer"))
        bot.channel.settle(event, "nothing")

        assert ["the answer"] == await bot.phone.texts()
        assert [] == bot.poller.problems
    first, last = bot.poller.shown[0], bot.poller.shown[-1]
    assert ("<think></think>", False, {"id": event.key}) == (first["content"], first["finish"], first["feedback"])
    assert ("the answer", True) == (last["content"], last["finish"])
    assert any("```py\ntwo\n```" in text for text, _ in bot.frames())
    assert 1 == len({each["id"] for each in bot.poller.shown})
    assert 0 == bot.poller.responses


async def test_a_message_that_comes_again_is_answered_with_the_same_stream(database: Database) -> None:
    async with called_bot(database) as bot:
        bot.simulator.bots.add_fault("lose_answer", 2)
        event = await bot.asked()
        await bot.channel.reply(event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()
        assert bot.accepted.empty()
    assert 1 == len({each["id"] for each in bot.poller.shown})


async def test_what_cannot_be_stored_is_refused_so_that_it_comes_again(database: Database) -> None:
    async with called_bot(database) as bot:
        bot.full = True
        assert (500, 500, 500, 500) == (await bot.phone.say("hello")).statuses
        bot.full = False
        await bot.asked("again")


async def test_a_message_whose_time_is_too_far_off_ends_its_stream_with_words(database: Database) -> None:
    async with called_bot(database) as bot:
        bot.late = True
        await bot.phone.say("hello")

        assert "too far apart" in (await bot.phone.texts())[0]


async def test_a_stream_nobody_asks_for_is_followed_by_one_message_and_never_by_two(database: Database) -> None:
    async with called_bot(database) as bot:
        bot.simulator.bots.add_fault("stop_asking")
        event = await bot.asked()
        stream_id = bot.poller.shown[0]["id"]
        await bot.channel.reply(event, part("the answer"))
        # After a crash before it was written down that the part has left.
        await bot.channel.reply(event, part("the answer"))
        late = await bot.refresh(stream_id)
        with pytest.raises(Undeliverable, match="has been sent already"):
            await bot.channel.reply(event, part("and more"))

        assert ["the answer"] == await bot.phone.texts()
    assert "follow as a new message" in late["content"]
    assert late["finish"]
    assert 1 == bot.poller.responses


async def test_a_stream_ends_before_its_window_does_and_the_answer_follows(database: Database) -> None:
    async with called_bot(database) as bot:
        event = await bot.asked()
        bot.now += QUICK.window + 1
        (left,) = await bot.phone.texts()
        await bot.channel.reply(event, part("the answer"))

        bubble, message = await bot.phone.messages(count=2)
    assert ([left, "the answer"], event.key) == ([bubble.text, message.text], message.feedback)
    assert "follow as a new message" in left


async def test_nobody_is_waited_for_who_has_stopped_asking_long_ago(database: Database) -> None:
    async with called_bot(database, PollTiming(draft=0.02, look=0.02, unread=1000)) as bot:
        bot.simulator.bots.add_fault("stop_asking")
        event = await bot.asked()
        bot.now += QUICK.asked + 1
        async with asyncio.timeout(60):
            await bot.channel.reply(event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()


async def test_an_address_that_is_refused_makes_an_answer_undeliverable_by_name(database: Database) -> None:
    async with called_bot(database) as bot:
        bot.simulator.bots.add_fault("stop_asking")
        bot.simulator.bots.add_fault("response_expired")
        event = await bot.asked()
        with pytest.raises(Undeliverable, match="40058") as refused:
            await bot.channel.reply(event, part("the answer"))
        assert refused.value.until_message

        picture = await bot.media.keep(PNG, mime="image/png", name="a.png")
        with pytest.raises(Undeliverable, match="this one is over"):
            await bot.channel.reply(event, ImagePart(picture))
        following = await bot.asked("and now?")
        for _ in range(2):
            # The second time as after a crash before it was written down.
            await bot.channel.reply(event, part("the answer"))
            await bot.channel.reply(event, ImagePart(picture))
        await bot.channel.reply(following, part("what is new"))

        shown = await bot.phone.messages(count=3)
        assert ["the answer", "what is new"] == [each.text for each in shown if each.type == "markdown"]
        assert ["image"] == [each.type for each in shown if each.type != "markdown"]
        assert 1 == bot.poller.responses


async def test_streams_of_others_and_unknown_ones_end_with_words(database: Database) -> None:
    async with called_bot(database) as bot:
        event = await bot.asked("a secret")
        bot.channel.show(event, "a secret")
        stream_id = bot.poller.shown[0]["id"]
        for answer in (await bot.refresh("unknown"), await bot.refresh(stream_id, user="lisi")):
            assert answer["finish"]
            assert "ask again" in answer["content"]
            assert "secret" not in answer["content"]


@pytest.mark.parametrize("ending", ["stopped", "nothing", "undelivered"])
async def test_a_turn_without_an_answer_ends_its_stream(database: Database, ending: Any) -> None:  # noqa: ANN401
    async with called_bot(database) as bot:
        event = await bot.asked()
        bot.channel.settle(event, ending)

        assert (await bot.phone.texts())[0]


async def test_a_turn_that_is_taken_up_again_goes_on_in_its_stream(database: Database) -> None:
    async with called_bot(database) as bot:
        event = await bot.asked()
        bot.channel.settle(event, "interrupted")
        await bot.channel.reply(event, part("the answer"))

        assert ["the answer"] == await bot.phone.texts()


async def test_pictures_stand_in_the_last_frame(database: Database) -> None:
    async with called_bot(database) as bot:
        event = await bot.asked("draw")
        picture = await bot.media.keep(PNG, mime="image/png", name="a.png")
        parts = bot.channel.render([TextReply("a cat"), ImageReply(picture)])
        assert [ImagePart(picture), part("a cat")] == list(parts)
        for each in parts:
            await bot.channel.reply(event, each)
        shown = await bot.phone.messages(count=2)

        assert {"markdown", "image"} == {message.type for message in shown}
        assert [] == bot.poller.problems


async def test_a_picture_somebody_sends_is_decrypted_with_the_channels_key(database: Database) -> None:
    async with called_bot(database) as bot:
        await bot.phone.send_image(PNG, "a.png")
        event = await bot.accepted.get()
        stored = await bot.channel.fetch(event.content.media_id)  # type: ignore[union-attr]

        assert PNG == bot.media.files[stored.sha256]


def test_an_answer_longer_than_a_stream_and_a_message_goes_on_from_part_to_part_and_loses_nothing() -> None:
    table = WeComAibotSettings(mode="callback", token=SecretStr("t"), encoding_aes_key=SecretStr("a" * 43))
    channel = CallbackBotChannel("bot", table, streams=_NONE, media=_NONE, send_limiter=_NONE, language="en")
    file = StoredMedia("0" * 64, "application/pdf", "talk.pdf", 9)
    (of_file,) = channel.render([FileReply(file)])
    text = "".join(f"line {n}\n" for n in range(12_000))
    parts = channel.render([TextReply(text)])
    shown, rounds = list(parts), 1
    while f"@more {2 * rounds}" in shown[-1].text:  # type: ignore[union-attr]
        shown += channel.render([TextReply(text, 2 * rounds, "nothing")])
        rounds += 1
    lines = [
        line
        for part in shown
        if isinstance(part, TextPart)
        for line in part.text.split("\n")
        if line.startswith("line ")
    ]

    assert isinstance(of_file, TextPart)
    assert "talk.pdf" in of_file.text
    assert 2 == len(parts)
    assert all(isinstance(each, TextPart) and len(each.text.encode()) <= 20_480 for each in parts)
    assert rounds > 2
    assert text.split("\n")[:-1] == lines
    assert ["nothing"] == [each.text for each in channel.render([TextReply("a", 2, "nothing")])]  # type: ignore[union-attr]


async def test_thumbs_are_accepted_and_answered_with_nothing(database: Database) -> None:
    async with called_bot(database) as bot:
        assert (await bot.phone.do(Feedback("aibot/k", good=True))).accepted
        assert Feedback("aibot/k", good=True) == (await bot.accepted.get()).content
        assert [] == bot.poller.problems


async def test_old_streams_go_and_a_forgotten_persons_at_once(database: Database) -> None:
    async with called_bot(database) as bot:
        table = PolledStreamTable(database)
        event = await bot.asked()
        await bot.channel.reply(event, part("the answer"))
        stream_id = bot.poller.shown[0]["id"]
        assert 0 == await drop_old_streams(database, now=bot.now + KEPT_SECONDS - 1)
        await database.transact(lambda connection: forget_streams(connection, "bot/lisi"))
        assert await table.load(stream_id) is not None
        await database.transact(lambda connection: forget_streams(connection, "bot/zhangsan"))
        assert await table.load(stream_id) is None

        await bot.asked("another")
        assert 1 == await drop_old_streams(database, now=bot.now + KEPT_SECONDS + 1)


_NONE: Any = None


async def test_the_last_text_is_what_another_process_answers_with(database: Database) -> None:
    async with called_bot(database) as bot:
        event = await bot.asked()
        bot.simulator.bots.add_fault("stop_asking")
        replying = asyncio.create_task(bot.channel.reply(event, part("the answer")))
        other = PolledStreamTable(database)
        stream_id = bot.poller.shown[0]["id"]
        async with asyncio.timeout(60):
            while not (await bot.refresh(stream_id))["finish"]:
                pass
        await replying
        stream = await other.load(stream_id)

    assert stream is not None
    assert ("the answer", True) == (stream.text, stream.is_read)
    assert isinstance(event.content, Text)
