import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from adapters.wecom.callback.event_parser import read_event
from adapters.wecom.callback.xml import message_fields
from pipeline.errors import BadCallback
from pipeline.events import InboundEvent, Location, Text, UnknownEvent, UnknownMessage

WIRE = Path(__file__).parents[3] / "wire/wecom_app"
RECORDED = sorted(path.stem for path in WIRE.glob("*.xml"))


def event_of(message: str | bytes, *, corp_id: str = "toUser", agent_id: int = 1) -> InboundEvent:
    data = message.encode() if isinstance(message, str) else message
    return read_event(message_fields(data), channel="wecom", corp_id=corp_id, agent_id=agent_id)


def reading_of(event: InboundEvent) -> Any:  # noqa: ANN401 - JSON
    reading = {
        "key": event.key,
        "user": event.sender.user,
        "sent_at": event.sent_at.isoformat(),
        "content": dataclasses.asdict(event.content),
    }
    return json.loads(json.dumps(reading))


def text_message(**changes: str) -> str:
    fields = {
        "ToUserName": "toUser",
        "FromUserName": "fromUser",
        "CreateTime": "1348831860",
        "MsgType": "text",
        "Content": "hi",
        "MsgId": "1",
        "AgentID": "1",
    } | changes
    return "<xml>" + "".join(f"<{name}>{value}</{name}>" for name, value in fields.items() if value) + "</xml>"


def event_message(event: str, **changes: str) -> str:
    return text_message(MsgType="event", MsgId="", Content="", Event=event, **changes)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_message_is_read_as_expected(name: str) -> None:
    expected = json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))

    assert expected == reading_of(event_of((WIRE / f"{name}.xml").read_bytes()))


def test_the_same_message_in_json_is_the_same_event() -> None:
    message = (
        '{"ToUserName":"toUser","FromUserName":"fromUser","CreateTime": 1348831860,"MsgType":"text","Content":"hi",'
        '"MsgId":1,"AgentID": 1}'
    )

    assert event_of(text_message()) == event_of(message)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(text_message(ToUserName="another"), -40005, id="for another corp"),
        pytest.param(text_message(ToUserName=""), -40008, id="for no corp"),
        pytest.param(text_message(AgentID="2"), -40005, id="for another app"),
        pytest.param(text_message(AgentID="one"), -40008, id="for an app that is no number"),
        pytest.param(text_message(AgentID="9" * 30), -40008, id="for an app of thirty digits"),
        pytest.param(text_message(FromUserName=""), -40008, id="from nobody"),
        pytest.param(text_message(FromUserName="a|b"), -40008, id="from two people"),
        pytest.param(text_message(FromUserName="@all"), -40008, id="from everybody"),
        pytest.param(text_message(FromUserName="a b"), -40008, id="from somebody with a space"),
        pytest.param(text_message(FromUserName="x" * 129), -40008, id="from somebody with a very long name"),
        pytest.param(text_message(FromUserName="<a/>"), -40008, id="from an element"),
        pytest.param(text_message(MsgType=""), -40008, id="of no type"),
        pytest.param(text_message(MsgId=""), -40008, id="without a number"),
        pytest.param(text_message(MsgId="<a>1</a>"), -40008, id="with an element for a number"),
        pytest.param(text_message().replace("</xml>", "<MsgId>2</MsgId></xml>"), -40008, id="with two numbers"),
        pytest.param(text_message(CreateTime=""), -40008, id="at no time"),
        pytest.param(text_message(CreateTime="0"), -40008, id="at the beginning of time"),
        pytest.param(text_message(CreateTime="now"), -40008, id="at a time in words"),
        pytest.param(text_message(CreateTime="-1"), -40008, id="before all time"),
        pytest.param(text_message(CreateTime="1e9"), -40008, id="at a time with an exponent"),
        pytest.param(text_message(CreateTime="²"), -40008, id="at a superscript"),
        pytest.param(text_message(CreateTime="9" * 19), -40008, id="after all time"),
        pytest.param(text_message(CreateTime="9" * 5000), -40008, id="at a time of five thousand digits"),
        pytest.param(event_message(""), -40008, id="an event without a name"),
        pytest.param(event_message("click", FromUserName=""), -40008, id="a click by nobody"),
        pytest.param(event_message("<a/>"), -40008, id="an event named by an element"),
        pytest.param("<xml><a/></xml>", -40008, id="nothing that is known"),
    ],
)
def test_a_message_without_an_identity_is_refused(message: str, code: int) -> None:
    with pytest.raises(BadCallback) as refused:
        event_of(message)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        pytest.param(text_message(Content="<b>bold</b>"), "text", id="elements for words"),
        pytest.param(text_message().replace("</xml>", "<Content>2</Content></xml>"), "text", id="words twice"),
        pytest.param(text_message(MsgType="image"), "image", id="a picture without its id"),
        pytest.param(text_message(MsgType="location"), "location", id="a place nowhere"),
        *(
            pytest.param(
                text_message(MsgType="location", Location_X=degrees, Location_Y="1"), "location", id=f"at {degrees:.9}"
            )
            for degrees in ("nan", "inf", "-inf", "1e400", "91", "-90.5", "1_0", "0x1", "９", "1" * 400, "1,5")
        ),
        pytest.param(text_message(MsgType="x" * 500), "x" * 64, id="a very long type"),
    ],
)
def test_a_message_with_odd_content_is_answered_as_unknown(message: str, kind: str) -> None:
    assert event_of(message).content == UnknownMessage(kind)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        pytest.param(event_message("LOCATION", Latitude="nan", Longitude="1", Precision="1"), "LOCATION", id="nowhere"),
        pytest.param(event_message("LOCATION", Latitude="1", Longitude="181", Precision="1"), "LOCATION", id="beyond"),
        pytest.param(event_message("location_select"), "location_select", id="no place selected"),
        pytest.param(event_message("click", EventKey="<a/>"), "click", id="an element for a key"),
        pytest.param(event_message("e" * 500), "e" * 64, id="a very long name"),
    ],
)
def test_an_event_with_odd_content_is_left_alone(message: str, name: str) -> None:
    assert event_of(message).content == UnknownEvent(name)


def test_a_card_with_odd_selections_keeps_the_good_ones() -> None:
    items = "text<SelectedItem>odd</SelectedItem><SelectedItem><QuestionKey>q</QuestionKey></SelectedItem>"
    event = event_of(event_message("template_card_event", TaskId="t", SelectedItems=items))

    assert reading_of(event)["content"]["selected"] == [["q", []]]


def test_a_place_without_a_label_has_the_name_of_the_point() -> None:
    info = "<Location_X>+1.5</Location_X><Location_Y> -2 </Location_Y><Label/><Poiname>小蛮腰</Poiname>"

    assert event_of(event_message("location_select", SendLocationInfo=info)).content == Location(1.5, -2.0, "小蛮腰")


def test_neither_controls_nor_halves_of_pairs_reach_the_event() -> None:
    message = json.dumps(
        {
            "ToUserName": "toUser",
            "FromUserName": "from\u0000User",
            "CreateTime": 1348831860,
            "MsgType": "text",
            "Content": "a\u0000\ud800b\u001f",
            "MsgId": "1\u0000",
        }
    )
    event = event_of(message)

    assert ("ab", "fromUser", "toUser/1/fromUser/1") == (
        event.content.text if isinstance(event.content, Text) else None,
        event.sender.user,
        event.key,
    )


def test_two_events_of_one_second_have_two_keys() -> None:
    keys = {
        event_of(message).key
        for message in (
            event_message("click", EventKey="a"),
            event_message("click", EventKey="b"),
            event_message("view", EventKey="a"),
            event_message("click", EventKey="a", TaskId="t"),
            event_message("click", EventKey="a/"),
            event_message("click", EventKey="a%2F"),
            event_message("click", EventKey="a", FromUserName="another"),
            event_message("click", EventKey="a", CreateTime="1348831861"),
        )
    }

    assert len(keys) == 8


def test_equal_numbers_of_two_people_are_two_keys() -> None:
    one, another = event_of(text_message()), event_of(text_message(FromUserName="another"))

    assert one.key != another.key


def test_a_key_is_never_longer_than_a_column() -> None:
    keys = [event_of(text_message(MsgId=f"{'字' * 5000}{end}")).key for end in "ab"]

    assert [255, 255] == [len(key) for key in keys]
    assert keys[0] != keys[1]
    assert keys[0].startswith("toUser/1/fromUser/字")


def test_a_key_says_of_an_event_neither_what_was_pressed_nor_what_it_was_about() -> None:
    pressed = event_message("click", EventKey="薪酬", TaskId="sick-leave", ChangeType="update_user")
    key = event_of(pressed).key

    assert not [word for word in ("薪酬", "sick-leave", "update_user") if word in key]
    assert key == event_of(pressed).key
