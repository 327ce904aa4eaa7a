"""What the pretend WeCom takes of a bot and what it refuses, asked frame by frame and without a bot of ours."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import ApiLimits, App, invent_bot
from adapters.simulator.platform.timeline import Delivered
from adapters.simulator.simulator import WeComSimulator
from adapters.wecom.callback.crypto import CallbackKeys

Body = Mapping[str, Any]
_FULL = "字" * 6826


@dataclass
class RawClient:
    """A socket to the pretend WeCom, and what came over it that answers nothing."""

    socket: aiohttp.ClientWebSocketResponse

    async def put(self, cmd: str, req_id: str = "r", body: Body | None = None) -> None:
        await self.socket.send_json({"cmd": cmd, "headers": {"req_id": req_id}, "body": body or {}})

    async def take(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self.socket.receive_str(timeout=30))
        return frame

    async def code(self, cmd: str, req_id: str = "r", body: Body | None = None) -> int:
        await self.put(cmd, req_id, body)
        return int((await self.take())["errcode"])

    async def heard(self) -> str:
        """Return the req_id of what somebody has just done."""
        return str((await self.take())["headers"]["req_id"])


@asynccontextmanager
async def raw_client(simulator: WeComSimulator) -> AsyncIterator[RawClient]:
    async with aiohttp.ClientSession() as session, session.ws_connect(simulator.bot_url) as socket:
        yield RawClient(socket)


@asynccontextmanager
async def subscribed(limits: ApiLimits | None = None) -> AsyncIterator[tuple[WeComSimulator, App, Phone, RawClient]]:
    async with WeComSimulator(limits=limits) as simulator:
        app = simulator.register(invent_bot())
        async with raw_client(simulator) as client:
            assert 0 == await client.code("aibot_subscribe", body={"bot_id": app.bot_id, "secret": app.secret})
            yield simulator, app, simulator.phone("zhangsan"), client


def frame(content: str, *, finish: bool = False, id_: str = "s") -> Body:
    return {"msgtype": "stream", "stream": {"id": id_, "finish": finish, "content": content}}


def markdown(text: str, chat: str = "zhangsan") -> Body:
    return {"chatid": chat, "chat_type": 1, "msgtype": "markdown", "markdown": {"content": text}}


async def test_who_may_subscribe_and_that_the_latest_has_the_bot() -> None:
    async with subscribed() as (simulator, app, _, first), raw_client(simulator) as second:
        right = {"bot_id": app.bot_id, "secret": app.secret}
        codes = [
            await second.code("aibot_send_msg", body=markdown("too soon")),
            await second.code("aibot_subscribe", body=right | {"bot_id": "nobody"}),
            await second.code("aibot_subscribe", body=right | {"secret": "wrong"}),
            await second.code("aibot_subscribe", body=right),
        ]
        event = await first.take()

    assert [846609, 40013, 40001, 0] == codes
    assert "disconnected_event" == event["body"]["event"]["eventtype"]


async def test_what_answers_a_message_is_taken_by_the_rules_of_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async with subscribed() as (_, _, phone, client):
        await phone.say("question")
        asked = await client.heard()
        card = {"msgtype": "template_card", "template_card": {}}
        table: list[tuple[int, str, Body]] = [
            (846605, "unknown", frame("a")),
            (40058, asked, {"msgtype": "stream", "stream": {"finish": False, "content": "a"}}),
            (40058, asked, frame(f"{_FULL}字")),
            (40058, asked, card),
            (40008, asked, {"msgtype": "text", "text": {"content": "words alone"}}),
            (0, asked, frame(f"{_FULL}ab")),
            (0, asked, frame("whole", finish=True)),
            (846608, asked, frame("after it")),
            (0, asked, frame("another", id_="t")),
        ]
        assert 20_480 == len(f"{_FULL}ab".encode())
        assert [code for code, *_ in table] == [
            await client.code("aibot_respond_msg", req_id, body) for _, req_id, body in table
        ]
        monkeypatch.setattr("adapters.simulator.bots.bot_answers.STREAM_SECONDS", 0.0)

        assert 846608 == await client.code("aibot_respond_msg", asked, frame("too late", id_="t"))
        assert 40008 == await client.code("aibot_no_such_thing", asked)
        assert 0 == await client.code("ping")


async def test_two_frames_of_one_answer_at_once_are_a_conflict_and_of_two_answers_are_none() -> None:
    async with subscribed() as (simulator, _, phone, client):
        simulator.bots.seconds_under_way = 0.3
        await phone.say("one")
        one = await client.heard()
        await phone.say("two")
        two = await client.heard()
        for req_id, id_ in ((one, "s"), (one, "s"), (two, "t")):
            await client.put("aibot_respond_msg", req_id, frame("a", id_=id_))
        answers = [await client.take() for _ in range(3)]

    assert [(0, one), (0, two), (6000, one)] == sorted(
        ((answer["errcode"], answer["headers"]["req_id"]) for answer in answers),
        key=lambda each: (each[0], each[1] != one),
    )
    assert 1 == simulator.bots.conflicts


async def test_a_last_frame_that_shows_nothing_leaves_its_bubble_spinning() -> None:
    async with subscribed() as (_, _, phone, client):
        await phone.say("question")
        asked = await client.heard()
        codes = [
            await client.code("aibot_respond_msg", asked, frame("\u200b <think>so</think>\n", finish=True)),
            await client.code("aibot_respond_msg", asked, frame("words", finish=True)),
        ]
        (bubble,) = [entry for entry in phone.entries() if isinstance(entry, Delivered)]

    assert ([0, 846608], True) == (codes, bubble.streaming)


async def test_a_fourth_message_is_not_heard_while_three_are_in_progress() -> None:
    async with subscribed() as (simulator, _, phone, client):
        simulator.bots.most_in_progress = 3
        asked = []
        for number in range(3):
            await phone.say(f"question {number}")
            asked.append(await client.heard())
            await client.code("aibot_respond_msg", asked[-1], frame("so far", id_=f"s{number}"))
        fourth = await phone.say("the fourth")
        of_another = await simulator.phone("lisi").say("of another")
        await client.heard()
        await client.code("aibot_respond_msg", asked[0], frame("whole", finish=True, id_="s0"))
        after = await phone.say("after it")

    assert [(0,), (200,), (200,)] == [each.statuses for each in (fourth, of_another, after)]


async def test_a_welcome_answers_the_first_look_once_and_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"msgtype": "text", "text": {"content": "welcome"}}
    async with subscribed() as (_, _, phone, client):
        await phone.say("question")
        asked = await client.heard()
        await phone.enter()
        entered = await client.heard()
        codes = [
            await client.code("aibot_respond_welcome_msg", asked, words),
            await client.code("aibot_respond_msg", entered, frame("a")),
            await client.code("aibot_respond_welcome_msg", entered, markdown("welcome")),
            await client.code("aibot_respond_welcome_msg", entered, words),
            await client.code("aibot_respond_welcome_msg", entered, words),
        ]
        await phone.enter()
        late = await client.heard()
        monkeypatch.setattr("adapters.simulator.bots.bot_answers.WELCOME_SECONDS", 0.0)

        assert [846605, 846605, 40008, 0, 846605] == codes
        assert 846604 == await client.code("aibot_respond_welcome_msg", late, words)


async def test_a_message_of_its_own_goes_to_a_chat_that_has_spoken_so_many_times_a_minute() -> None:
    async with subscribed(ApiLimits(per_minute=2)) as (_, _, phone, client):
        before = await client.code("aibot_send_msg", body=markdown("nobody has spoken"))
        await phone.say("question")
        await client.heard()
        bodies = [
            markdown("in other letters", "ZhangSan"),
            markdown("with a prefix", "single:zhangsan"),
            {"chatid": "zhangsan", "chat_type": 2} | {"msgtype": "markdown", "markdown": {"content": "no group"}},
            {"chatid": "zhangsan", "msgtype": "text", "text": {"content": "words alone"}},
            {"chatid": "zhangsan", "msgtype": "file", "file": {"media_id": "nothing"}},
            markdown("one"),
            markdown("too many"),
        ]
        codes = [await client.code("aibot_send_msg", body=body) for body in bodies]

    assert 93006 == before
    assert [93006, 93006, 93006, 40008, 40007, 0, 45009] == codes


async def test_an_upload_is_put_together_only_where_every_piece_of_it_is_there() -> None:
    data = b"0123456789"
    start: dict[str, object] = {
        "type": "file",
        "filename": "a.txt",
        "total_size": 10,
        "total_chunks": 2,
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
    }
    async with subscribed() as (_, _, _, client):
        refused: list[dict[str, object]] = [
            {"filename": "字" * 86},
            {"total_size": 4},
            {"total_chunks": 101},
            {"type": "folder"},
            {"md5": 5},
        ]
        codes = [await client.code("aibot_upload_media_init", body=start | each) for each in refused]
        await client.put("aibot_upload_media_init", body=start)
        upload = {"upload_id": (await client.take())["body"]["upload_id"]}
        codes += [
            await client.code("aibot_upload_media_chunk", body={"upload_id": "none"}),
            await client.code("aibot_upload_media_chunk", body=upload | {"chunk_index": 2, "base64_data": "MDEyMzQ="}),
            await client.code("aibot_upload_media_chunk", body=upload | {"chunk_index": 1, "base64_data": "NTY3ODk="}),
            await client.code("aibot_upload_media_finish", body=upload),
            await client.code("aibot_upload_media_chunk", body=upload | {"chunk_index": 0, "base64_data": "MDEyMzQ="}),
            await client.code("aibot_upload_media_finish", body=upload),
        ]

    assert [*[40058] * 5, 40058, 40058, 0, 40058, 0, 0] == codes


async def test_the_address_of_an_answer_takes_one_message_of_the_kinds_it_knows() -> None:
    addresses: asyncio.Queue[str] = asyncio.Queue()
    app = invent_bot()
    keys = CallbackKeys.of(app.token, app.encoding_aes_key, "")

    async def called(request: web.Request) -> web.Response:
        query, encrypted = request.query, (await request.json())["encrypt"]
        body = keys.open(query["msg_signature"], query["timestamp"], query["nonce"], encrypted)
        addresses.put_nowait(json.loads(body)["response_url"])
        return web.Response()

    application = web.Application()
    application.router.add_post("/bot", called)
    async with TestServer(application) as server, WeComSimulator() as simulator, aiohttp.ClientSession() as session:
        simulator.register(replace(app, callback_url=str(server.make_url("/bot"))))
        await simulator.phone("zhangsan").say("question")
        address = addresses.get_nowait()
        stream = frame("a")
        codes = []
        for url, body in (
            (f"{address}x", markdown("unknown")),
            (address, stream),
            (address, markdown(f"{_FULL}字")),
            (address, markdown("taken")),
            (address, markdown("again")),
        ):
            async with session.post(url, json=body) as answer:
                codes.append((await answer.json(content_type=None))["errcode"])

    assert [40058, 40008, 40058, 0, 40058] == codes
