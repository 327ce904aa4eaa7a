"""Frames of strangers and of WeCom: the one are refused with a reason that quotes nothing, the other read whole."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aibot.drafts import STREAM_BYTES, WAITING, draft
from adapters.aibot.event_reader import read_message, without_mention
from adapters.aibot.frames import FRAME_BYTES, FrameRefused, read_frame
from pipeline.events import Content, Feedback, File, Image, Subscribed, Text, UnknownEvent, UnknownMessage, Video

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILE, KEYED_FILE = '["https://x/1", ""]', '["https://x/1", "k"]'
HEAD = '"headers":{"req_id":"r1"}'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param("", "no JSON", id="nothing"),
        pytest.param(b"\xff\xfe\x00binary", "no JSON", id="binary"),
        pytest.param("[" * 1_000_000, "no JSON", id="a million brackets"),
        pytest.param('{"a":' * 200_000 + "1" + "}" * 200_000, "no JSON", id="deep objects"),
        pytest.param("9" * 10_000, "no JSON", id="a number too long for Python"),
        pytest.param("null", "no JSON object", id="null"),
        pytest.param("[]", "no JSON object", id="a list"),
        pytest.param("NaN", "no JSON object", id="not a number"),
        pytest.param("{}", "without req_id", id="an empty object"),
        pytest.param('{"headers":[]}', "without req_id", id="headers that are a list"),
        pytest.param('{"headers":{"req_id":7}}', "without req_id", id="a number as req_id"),
        pytest.param('{"headers":{"req_id":""}}', "without req_id", id="an empty req_id"),
        pytest.param(f'{{"headers":{{"req_id":"{"x" * 600}"}}}}', "without req_id", id="a req_id of 600 letters"),
        pytest.param(f'{{{HEAD},"cmd":[]}}', "cmd is no word", id="a list as cmd"),
        pytest.param(f'{{{HEAD},"cmd":"{"x" * 600}"}}', "cmd is no word", id="a cmd of 600 letters"),
        pytest.param(f'{{{HEAD},"cmd":"aibot_msg_callback","body":[]}}', "body is no JSON object", id="a list as body"),
        pytest.param(f"{{{HEAD}}}", "without errcode", id="an answer that says nothing"),
        pytest.param(f'{{{HEAD},"errcode":true}}', "without errcode", id="an answer that says true"),
        pytest.param(f'{{{HEAD},"errcode":"x"}}', "without errcode", id="an answer with a word"),
        pytest.param(" " * (FRAME_BYTES + 1), "too large", id="huge"),
    ],
)
def test_a_frame_that_is_none_is_refused_with_its_reason(data: str | bytes, reason: str) -> None:
    with pytest.raises(FrameRefused, match=reason):
        read_frame(data)


@pytest.mark.parametrize("data", [f'{{"errcode":0,{HEAD}}}', f'{{"errcode":"0",{HEAD}}}'.encode()])
def test_an_answer_is_read_as_text_and_as_bytes(data: str | bytes) -> None:
    assert ("", "r1", 0) == ((frame := read_frame(data)).cmd, frame.req_id, frame.errcode)


def test_control_characters_inside_strings_are_tolerated() -> None:
    frame = read_frame(f'{{{HEAD},"cmd":"aibot_msg_callback","body":{{"text":{{"content":"a\x01b\x1f\nc"}}}}}}')

    assert {"text": {"content": "a\x01b\x1f\nc"}} == frame.body


FIELDS = ("msgid", "aibotid", "msgtype", "from", "chattype", "chatid", "text", "event", "image", "mixed")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("msgid", "aibotid", "msgtype", "from", "chattype", "chatid", "text", "event", "image", "mixed"), JSON
        ),
    )
)
def test_a_body_of_any_shape_is_an_event_or_refused(body: dict[str, Any]) -> None:
    try:
        message = read_message(body, channel="bot", bot_id="", names=(), now=NOW)
    except FrameRefused:
        return
    assert message.event.key.startswith("aibot")


def body(**more: object) -> dict[str, Any]:
    return {"msgid": "m/1=", "aibotid": "B", "chattype": "single", "from": {"userid": "Zhang.San"}, **more}


@pytest.mark.parametrize(
    ("more", "content"),
    [
        pytest.param({"msgtype": "text", "text": {"content": " hi\n"}}, Text(" hi\n"), id="words as they are"),
        pytest.param({"msgtype": "text", "text": {"content": "@bot hi"}}, Text("@bot hi"), id="an @ in a single chat"),
        pytest.param(
            {"msgtype": "text", "text": {"content": "a\x00b\ud800"}}, Text("ab\ufffd"), id="no database's text"
        ),
        pytest.param(
            {"msgtype": "voice", "voice": {"content": "said"}}, Text("said", spoken=True), id="speech, as words"
        ),
        pytest.param({"msgtype": "image", "image": {"url": "https://x/1"}}, Image(FILE), id="a picture"),
        pytest.param(
            {"msgtype": "file", "file": {"url": "https://x/1", "aeskey": "k"}},
            File(KEYED_FILE, ""),
            id="a file",
        ),
        pytest.param({"msgtype": "video", "video": {"url": "https://x/1"}}, Video(FILE), id="a film"),
        pytest.param({"msgtype": "image", "image": {}}, UnknownMessage("image"), id="a picture without its address"),
        pytest.param({"msgtype": "voice", "voice": {}}, UnknownMessage("voice"), id="speech without words"),
        pytest.param({"msgtype": "location"}, UnknownMessage("location"), id="a kind of tomorrow"),
        pytest.param({"msgtype": "event", "event": {"eventtype": "enter_chat"}}, Subscribed(), id="a first look"),
        pytest.param({"msgtype": "event", "event": {"eventtype": "x"}}, UnknownEvent("x"), id="an event of tomorrow"),
        pytest.param({"msgtype": "event", "event": []}, UnknownEvent(""), id="an event that is none"),
    ],
)
def test_what_people_send_is_read(more: dict[str, Any], content: Content) -> None:
    message = read_message(body(**more), channel="bot", bot_id="B", names=("bot",), now=NOW)

    assert (content, "bot/Zhang.San", "Zhang.San") == (
        message.event.content,
        str(message.event.sender),
        message.chat_id,
    )
    assert "aibot/B/m%2F1=" == message.event.key


QUOTED = {"msgtype": "text", "text": {"content": "they said\nthis"}}
MIXED = {"msg_item": [QUOTED, {"msgtype": "image", "image": {"url": "https://x/1"}}, {"msgtype": "mixed", "mixed": {}}]}
MIXED_QUOTE = {"msgtype": "mixed", "mixed": MIXED}


@pytest.mark.parametrize(
    ("more", "content"),
    [
        pytest.param(
            {"text": {"content": "@bot"}, "quote": QUOTED},
            Text("", quoted="they said\nthis"),
            id="a mention alone with a quote",
        ),
        pytest.param({"text": {"content": "@bot @bot： hi"}}, Text("hi"), id="mentioned twice"),
        pytest.param({"text": {"content": "@bot "}}, Text(""), id="a mention alone"),
        pytest.param(
            {"text": {"content": "why?"}, "quote": QUOTED}, Text("why?", quoted="they said\nthis"), id="with a quote"
        ),
        pytest.param(
            {"text": {"content": "@bot @Li is it?"}, "quote": QUOTED},
            Text("@Li is it?", quoted="they said\nthis"),
            id="a word to somebody else",
        ),
        pytest.param(
            {"text": {"content": "a"}, "quote": {"msgtype": "mixed", "mixed": MIXED}},
            Text("a", quoted="they said\nthis"),
            id="mixed",
        ),
        pytest.param({"text": {"content": "a"}, "quote": [{"msgtype": []}]}, Text("a"), id="a quote that is none"),
        pytest.param({"msgtype": "mixed", "mixed": MIXED}, Text("they said\nthis"), id="words and a picture"),
    ],
)
def test_what_is_said_in_a_group_is_read_with_what_it_quotes(more: dict[str, Any], content: Text) -> None:
    said = body(msgtype="text", chattype="group", chatid="wrABC") | more
    event = read_message(said, channel="bot", bot_id="B", names=("bot",), now=NOW).event

    assert (content, "wrABC", "bot/group:wrABC") == (event.content, event.group, str(event.chat))


def test_a_picture_beside_words_and_one_that_is_quoted_come_before_the_words() -> None:
    image = {"msgtype": "image", "image": {"url": "https://x/2", "aeskey": "k"}}
    said = body(msgtype="mixed", mixed=MIXED, quote=image)
    message = read_message(said, channel="bot", bot_id="B", names=(), now=NOW)

    beside = [Image(media_id, beside_words=True) for media_id in (FILE, '["https://x/2", "k"]')]
    assert beside == [event.content for event in message.pictures]
    assert 3 == len({message.event.key, *(event.key for event in message.pictures)})


PAPER = {"msgtype": "file", "file": {"url": "https://x/3"}}
PICTURE = {"msgtype": "image", "image": {"url": "https://x/1"}}
PAPERS = (File('["https://x/3", ""]', ""),)


@pytest.mark.parametrize(
    ("more", "content"),
    [
        pytest.param(
            {"text": {"content": "@bot why?"}, "quote": PAPER}, Text("why?", files=PAPERS), id="a quoted file"
        ),
        pytest.param({"text": {"content": "@bot"}, "quote": PAPER}, Text("", files=PAPERS), id="a file without a word"),
        pytest.param(
            {"text": {"content": "@bot @stop"}, "quote": PAPER}, Text("@stop", files=PAPERS), id="beside a command"
        ),
        pytest.param(
            {"msgtype": "mixed", "mixed": {"msg_item": [{"msgtype": "text", "text": {"content": "@bot a"}}, PAPER]}},
            Text("a", files=PAPERS),
            id="a file beside words",
        ),
        pytest.param({"text": {"content": "@bot"}, "quote": PICTURE}, Image(FILE), id="a picture without a word"),
        pytest.param(
            {"text": {"content": "@bot a"}, "quote": {"msgtype": "file", "file": {"url": 7}}},
            Text("a"),
            id="no address",
        ),
        pytest.param({"msgtype": "mixed", "mixed": {"msg_item": [[], PICTURE]}}, Image(FILE), id="mixed of no words"),
    ],
)
def test_files_beside_words_and_those_they_quote_belong_to_the_words(more: dict[str, Any], content: Content) -> None:
    said = body(msgtype="text", chattype="group", chatid="wrABC") | more
    message = read_message(said, channel="bot", bot_id="B", names=("bot",), now=NOW)

    assert content == message.event.content
    assert () == message.pictures


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"msgid": ""}, "without msgid"),
        ({"msgid": "a b"}, "without msgid"),
        ({"aibotid": "other"}, "another bot"),
        ({"from": {}}, "without a sender"),
        ({"from": {"userid": "sys"}}, "without a sender"),
        ({"from": {"userid": "@all"}}, "without a sender"),
        ({"from": {"userid": "a|b"}}, "without a sender"),
        ({"from": ["a"]}, "without a sender"),
        ({"chattype": "group"}, "without chatid"),
        ({"chattype": "group", "chatid": "a/b"}, "without chatid"),
        ({"from": {"userid": "group:x"}}, "without a sender"),
        ({"msgtype": None}, "without msgtype"),
    ],
)
def test_a_callback_without_what_it_must_have_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(FrameRefused, match=reason):
        read_message(body(msgtype="text", text={"content": "x"}) | change, channel="c", bot_id="B", names=(), now=NOW)


def judged(**fields: object) -> dict[str, Any]:
    return {"msgtype": "event", "event": {"eventtype": "feedback_event", "feedback_event": fields}}


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"id": "k", "type": 1, "content": "x"}, Feedback("k", good=True)),
        (
            {"id": "k", "type": 2, "content": " so so ", "inaccurate_reason_list": [2, 4, 9, "1", True]},
            Feedback("k", good=False, why="incomplete; bad data analysis; so so"),
        ),
        ({"id": "k", "type": 2, "inaccurate_reason_list": {}}, Feedback("k", good=False)),
        ({"id": "k", "type": 3}, Feedback("k", good=None)),
        ({"id": "k", "type": 7}, UnknownEvent("feedback_event")),
        ({"id": 7, "type": 1}, UnknownEvent("feedback_event")),
        ({}, UnknownEvent("feedback_event")),
    ],
)
def test_thumbs_are_read_with_their_reasons(fields: dict[str, Any], content: Content) -> None:
    message = read_message(body(**judged(**fields)), channel="bot", bot_id="B", names=(), now=NOW)

    assert content == message.event.content


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("@Multica Bot hello", "hello"),
        ("@Multica Bothello", "hello"),
        ("@Multica\u2005hello", "hello"),
        ("  @Multica：hello", "hello"),
        ("@Multica", ""),
        ("@Somebody hello", "@Somebody hello"),
        ("hello @Multica", "hello @Multica"),
    ],
)
def test_the_bots_name_is_taken_off_the_front_alone_the_longest_first(text: str, rest: str) -> None:
    assert rest == without_mention(text, ("Multica Bot", "Multica"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("", WAITING, id="nothing"),
        pytest.param(" \n\u200b", WAITING, id="what nobody sees"),
        pytest.param("a\n```py\nb", "a\n```py\nb\n```", id="an open fence"),
        pytest.param("a\n```py\nb\n```\nc", "a\n```py\nb\n```\nc", id="a closed fence"),
        pytest.param("~~~~\n```\nb", "~~~~\n```\nb\n~~~~", id="a fence inside a longer one"),
        pytest.param("<think>x", "<\u200bthink>x", id="the words of a thinking block"),
    ],
)
def test_a_draft_is_shown_so_that_it_does_not_look_broken(text: str, shown: str) -> None:
    assert shown == draft(text)


@given(st.text(alphabet="a字\n`|-", max_size=200), st.integers(min_value=1, max_value=2000))
def test_no_draft_is_over_the_limit(text: str, times: int) -> None:
    assert len(draft(text * times, "a notice").encode()) <= STREAM_BYTES
