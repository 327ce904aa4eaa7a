"""Callbacks as WeCom sends them with one field that is odd: refused, or read into what can be stored and sent."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.aibot.event_reader import is_unknown_event, read_message
from adapters.aibot.frames import FrameRefused, read_frame, write_frame
from pipeline.events import Text
from pipeline.replies import TextPart
from pipeline.text.unicode import wellformed
from storage.database.codec import content_to_json
from tests.adapters.aibot.bot import connected_bot

_NOW = datetime(2026, 11, 28, tzinfo=UTC)
_FILE = {"url": "https://cos.example.com/f?sign=1", "aeskey": "k" * 43}
_ITEMS = [
    {"msgtype": "text", "text": {"content": "look"}},
    {"msgtype": "image", "image": _FILE},
    {"msgtype": "file", "file": _FILE},
]
_COMMON = {"msgid": "m" * 32, "aibotid": "aib1", "chattype": "single", "from": {"userid": "ann"}, "create_time": 1}
_GROUP = _COMMON | {"chattype": "group", "chatid": "wrAbc"}
_TEXT = {"msgtype": "text", "text": {"content": "@bot hello"}}


def _event(name: str, own: object) -> dict[str, Any]:
    return _COMMON | {"msgtype": "event", "event": {"eventtype": name, name: own}}


BODIES: Mapping[str, dict[str, Any]] = {
    "text": _COMMON | _TEXT,
    "text in a group": _GROUP | _TEXT,
    "voice": _COMMON | {"msgtype": "voice", "voice": {"content": "spoken"}},
    "mixed": _GROUP | {"msgtype": "mixed", "mixed": {"msg_item": _ITEMS}},
    **{kind: _COMMON | {"msgtype": kind, kind: _FILE} for kind in ("image", "file", "video")},
    **{
        f"quote of {kind}": _GROUP | _TEXT | {"quote": {"msgtype": kind, kind: own}}
        for kind, own in (("text", {"content": "said"}), ("image", _FILE), ("mixed", {"msg_item": _ITEMS}))
    },
    "welcome": _event("enter_chat", {}),
    "thumb": _event("feedback_event", {"id": "f", "type": 2, "content": "why", "inaccurate_reason_list": [1, 9]}),
    "card": _event("template_card_event", {"card_type": "button_interaction", "event_key": "@help", "task_id": "t"}),
}
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**70, 1.5, float("nan"), "", " ", "x" * 70_000, [], {}, [[]], {"content": []}),
    *("\ud800", "a\x00b", "\x1b[2J", "\u202eabc", "a\nb", "../../x", "%00", "group:g", "sys", "[1]", '{"a":1}'),
)


def odd_bodies(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a body with each of its fields missing, and each in turn something odd."""
    for path in _paths(body):
        for value in ODD:
            yield _put(body, path, value)
        yield _put(body, path, ...)


def _paths(value: object, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*before, key)
        yield from _paths(inner, (*before, key))


def _put(body: dict[str, Any], path: tuple[Any, ...], value: object) -> dict[str, Any]:
    copied: Any = deepcopy(body)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return dict(copied)


@pytest.mark.parametrize("kind", BODIES)
def test_what_is_read_of_an_odd_callback_can_be_stored_and_sent(kind: str) -> None:
    read = 0
    for bot_id in ("aib1", ""):
        for body in odd_bodies(BODIES[kind]):
            # As it comes: JSON carries halves of surrogates and control characters.
            given = json.loads(json.dumps(body), strict=False)
            try:
                message = read_message(given, channel="bot", bot_id=bot_id, names=("bot",), now=_NOW)
            except FrameRefused:
                continue
            read += 1
            for event in (message.event, *message.pictures):
                said = json.loads(content_to_json(event.content))
                for text in (event.key, event.sender.user, event.group, message.chat_id, *_texts(said)):
                    assert wellformed(text) == text, body
                assert len(event.key) <= 255
                assert len(content_to_json(event.content)) < 500_000
    assert read


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
            # A media id is JSON of ours.
            if value.startswith("["):
                yield from _texts(_parsed(value))
        case dict():
            for key, inner in value.items():
                yield from (key, *_texts(inner))
        case list():
            for inner in value:
                yield from _texts(inner)
        case _:
            pass


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"msgtype": "event", "event": {"eventtype": "auth_change_event"}}, id="of documents"),
        pytest.param(_COMMON | {"msgtype": "event", "event": {"eventtype": "enter_check_update"}}, id="of the client"),
        pytest.param({"msgtype": "event", "event": {"eventtype": ["enter_chat"]}}, id="with an odd name"),
        pytest.param({"msgtype": "event"}, id="of nothing"),
    ],
)
async def test_an_event_nobody_knows_is_passed_over_in_silence_whatever_it_lacks(body: dict[str, Any]) -> None:
    with capture_logs() as logged:
        async with connected_bot() as bot:
            frame = {"cmd": "aibot_event_callback", "headers": {"req_id": "r"}, "body": body}
            await bot.server.send_raw(bot.app, json.dumps(frame))
            await bot.asked()
    assert is_unknown_event(body)
    assert [] == [line for line in logged if line["event"] == "bot_frame_refused"]


async def test_odd_frames_end_no_connection() -> None:
    async with connected_bot() as bot:
        for value in ODD:
            for cmd in ("ping", "aibot_msg_callback", "aibot_event_callback"):
                body = BODIES["text"] | {"aibotid": bot.app.bot_id, "msgid": "m1"}
                frame = {"cmd": cmd, "headers": {"req_id": value}, "body": body}
                await bot.server.send_raw(bot.app, json.dumps(frame))
        event = await bot.asked("after all of it")
        async with asyncio.timeout(30):
            while event.content != Text("after all of it"):
                event = await bot.accepted.get()
        await bot.channel.reply(event, TextPart("the answer", "markdown"))

        assert "the answer" in await bot.phone.texts(count=1)
        assert 1 == bot.server.frames["aibot_subscribe"]


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("place", ["cmd", "req_id", "headers", "body", "errcode", "errmsg"])
def test_a_frame_with_an_odd_field_is_refused_or_can_be_answered(place: str, value: object) -> None:
    frame: dict[str, Any] = {"cmd": "ping", "headers": {"req_id": "r"}, "body": {}}
    if place.startswith("err"):
        frame = {"headers": {"req_id": "r"}, "errcode": 0, "errmsg": "ok"}
    if place == "req_id":
        frame["headers"]["req_id"] = value
    else:
        frame[place] = value
    try:
        read = read_frame(json.dumps(frame))
    except FrameRefused:
        return
    assert write_frame("pong", read.req_id).encode()


def test_what_stands_in_one_message_is_quoted_whole() -> None:
    answer = "a" * 20_000
    body = BODIES["text"] | {"quote": {"msgtype": "text", "text": {"content": answer}}}
    content = read_message(body, channel="bot", bot_id="aib1", names=(), now=_NOW).event.content

    assert isinstance(content, Text)
    assert answer == content.quoted
