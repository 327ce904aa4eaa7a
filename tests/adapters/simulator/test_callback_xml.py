"""What a member does reaches the app signed and sealed, once or as often as asked, and is tried again as WeCom does."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.callback_xml import callback_xml, is_message
from adapters.simulator.faults import HoldBack, LoseAnswer, Repeat
from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import App, invent_app
from adapters.simulator.platform.timeline import MemberAction
from adapters.simulator.simulator import WeComSimulator
from adapters.wecom.callback.event_parser import read_event
from adapters.wecom.callback.xml import legal_text, message_fields
from pipeline.events import (
    CardActed,
    Clicked,
    Content,
    Entered,
    File,
    Image,
    Link,
    Location,
    PlatformNotice,
    Position,
    Scanned,
    Subscribed,
    Text,
    UnknownEvent,
    UnknownMessage,
    Unsubscribed,
    Video,
    Viewed,
    Voice,
)
from tests.adapters.simulator.conftest import AGENT, OTHER_AGENT
from tests.adapters.simulator.receiver import Receiver

APP = invent_app(agent_id=AGENT)


@pytest.fixture
def phone(wecom: WeComSimulator) -> Phone:
    return wecom.phone("zhangsan", agent_id=AGENT)


def read(content: Content) -> Content:
    msg_id = "7" if is_message(content) else ""
    said = MemberAction(1, 1_800_000_000.0, APP.corp_id, APP.agent_id, "zhangsan", msg_id, content)
    fields = message_fields(callback_xml(APP, said).encode())
    return read_event(fields, channel="wecom", corp_id=APP.corp_id, agent_id=APP.agent_id).content


@pytest.mark.parametrize(
    "content",
    [
        Text(" 你好\n<b>]]></b> "),
        Image("m1"),
        Voice("m2", "amr"),
        Video("m3"),
        Location(23.134, 113.358, "广州"),
        Link("t", "d", "https://example.com/?a=1&b=2"),
        UnknownMessage("poem"),
        Subscribed(),
        Unsubscribed(),
        Entered(),
        Clicked("@help"),
        Viewed("https://example.com"),
        Scanned("6", "https://example.com"),
        Position(0.000001, -113.32, 65.0),
        CardActed("yes", "t-1", "vote_interaction", "code", (("q1", ("a", "b")), ("q2", ("c",)))),
        PlatformNotice("change_contact"),
        PlatformNotice("inactive_alert"),
        UnknownEvent("dance"),
    ],
    ids=lambda content: content.kind,
)
def test_everything_a_member_can_do_is_read_as_it_was_meant(content: Content) -> None:
    assert content == read(content)


@given(st.text(min_size=1))
def test_any_words_are_read_as_they_were_said(text: str) -> None:
    # XML turns every line break into one form; nothing WeCom sends has another.
    said = legal_text(text).replace("\r\n", "\n").replace("\r", "\n")

    assert Text(said) == read(Text(text))


async def test_words_reach_the_app(phone: Phone, receiver: Receiver) -> None:
    posting = await phone.say("你好")
    (fields,) = receiver.received

    assert (True, (200,)) == (posting.accepted, posting.statuses)
    assert ("zhangsan", "text", "你好") == (fields["FromUserName"], fields["MsgType"], fields["Content"])
    assert (posting.msg_id, str(AGENT)) == (fields["MsgId"], fields["AgentID"])


async def test_every_message_has_an_id_of_its_own_and_events_have_none(phone: Phone, receiver: Receiver) -> None:
    await phone.say("same")
    await phone.say("same")
    await phone.click("@help")
    first, second, third = receiver.received

    assert first["MsgId"] != second["MsgId"]
    assert ("click", "@help") == (third["Event"], third["EventKey"])
    assert "MsgId" not in third


async def test_the_phone_can_do_everything_a_person_can(
    phone: Phone, receiver: Receiver, wecom: WeComSimulator
) -> None:
    await phone.send_image(b"\xff\xd8\xff picture", "cat.jpg")
    await phone.send_voice(b"#!AMR\n voice")
    await phone.send_video(b"film")
    await phone.send_file(b"paper", "报告.pdf")
    await phone.send_location(23.1, 113.3, "广州")
    await phone.send_link("title", "https://example.com", "words")
    await phone.view("https://example.com")
    await phone.enter()
    await phone.subscribe()
    await phone.unsubscribe()
    kinds = [fields.get("Event", fields["MsgType"]) for fields in receiver.received]
    picture = wecom.media(receiver.received[0]["MediaId"], agent_id=AGENT)

    assert ["image", "voice", "video", "file", "location", "link"] == kinds[:6]
    assert ["view", "enter_agent", "subscribe", "unsubscribe"] == kinds[6:]
    assert (b"\xff\xd8\xff picture", "cat.jpg") == (picture.data, picture.label.name)
    assert (File, "报告.pdf") == (type(phone.entries()[3].content), receiver.received[3]["FileName"])  # type: ignore[union-attr]


async def test_a_failed_callback_comes_again_under_the_same_id_and_a_new_nonce(
    phone: Phone, receiver: Receiver, wecom: WeComSimulator
) -> None:
    receiver.behaviour += [500, "drop", 403, 200]
    posting = await phone.say("hello")

    assert (500, 0, 403, 200) == posting.statuses
    assert 1 == len({fields["MsgId"] for fields in receiver.received})
    assert 4 == len({query["nonce"] for query in receiver.queries})
    assert (4, 1, 0) == (wecom.counts.posted, wecom.counts.accepted, wecom.counts.given_up)


async def test_a_callback_is_lost_after_three_retries(phone: Phone, receiver: Receiver, wecom: WeComSimulator) -> None:
    receiver.behaviour += [500] * 5
    posting = await phone.say("hello")

    assert (False, (500, 500, 500, 500)) == (posting.accepted, posting.statuses)
    assert 1 == wecom.counts.given_up


async def test_an_answer_after_the_deadline_counts_for_nothing(phone: Phone, receiver: Receiver) -> None:
    receiver.behaviour += ["hang"]
    posting = await phone.say("hello")

    assert (0, 200) == posting.statuses


async def test_nobody_listening_is_no_answer(phone: Phone, receiver: Receiver) -> None:
    await receiver.stop()

    assert (0, 0, 0, 0) == (await phone.say("hello")).statuses


async def test_an_app_without_a_url_is_told_nothing(wecom: WeComSimulator) -> None:
    posting = await wecom.phone("zhangsan", agent_id=OTHER_AGENT).say("hello")

    assert (False, 0) == (posting.accepted, posting.tries)


@pytest.mark.parametrize("together", [True, False])
async def test_a_callback_can_come_three_times(
    together: bool,  # noqa: FBT001 - a parameter of the test
    phone: Phone,
    receiver: Receiver,
    wecom: WeComSimulator,
) -> None:
    wecom.add_fault(Repeat(3, together=together), calls=1)
    first = await phone.say("one")
    second = await phone.say("two")

    assert ((200, 200, 200), (200,)) == (first.statuses, second.statuses)
    assert ["one", "one", "one", "two"] == receiver.contents()


async def test_an_answer_that_is_lost_brings_the_callback_again(
    phone: Phone, receiver: Receiver, wecom: WeComSimulator
) -> None:
    wecom.add_fault(LoseAnswer(2), calls=1)
    posting = await phone.say("hello")

    assert (200, 200, 200) == posting.statuses
    assert ["hello", "hello", "hello"] == receiver.contents()


async def test_a_callback_can_be_overtaken_by_the_next(phone: Phone, receiver: Receiver, wecom: WeComSimulator) -> None:
    wecom.add_fault(HoldBack(), calls=1)
    first = asyncio.create_task(phone.say("first"))
    async with asyncio.timeout(30):
        async for entry in phone.watch():
            assert Text("first") == entry.content  # type: ignore[union-attr]
            break
    await phone.say("second")
    await first

    assert ["second", "first"] == receiver.contents()


async def test_a_callback_held_back_comes_when_nothing_follows(
    phone: Phone, receiver: Receiver, wecom: WeComSimulator
) -> None:
    wecom.add_fault(HoldBack(0.01), calls=1)
    await phone.say("alone")
    await phone.say("next")

    assert ["alone", "next"] == receiver.contents()


async def test_a_right_url_is_verified(wecom: WeComSimulator) -> None:
    assert (True, "") == ((found := await wecom.verify_url(agent_id=AGENT)).ok, found.problem)


@pytest.mark.parametrize("echo", [b'"quoted"', b"", b"something else\n"])
async def test_a_url_that_answers_anything_else_is_not_verified(
    echo: bytes, wecom: WeComSimulator, receiver: Receiver
) -> None:
    receiver.echo = echo
    found = await wecom.verify_url(agent_id=AGENT)

    assert (False, "the body is not the decrypted echostr") == (found.ok, found.problem)


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [(403, "the status is not 200"), ("hang", "no answer in time"), ("drop", "no answer: RemoteProtocolError")],
)
async def test_a_url_that_does_not_answer_is_not_verified(
    behaviour: int | str, problem: str, wecom: WeComSimulator, receiver: Receiver
) -> None:
    receiver.behaviour.append(behaviour)  # type: ignore[arg-type]
    found = await wecom.verify_url(agent_id=AGENT)

    assert (False, problem) == (found.ok, found.problem)


async def test_an_app_can_move(wecom: WeComSimulator, receiver: Receiver, app: App, phone: Phone) -> None:
    moved = Receiver()
    try:
        changed = App(**{name: getattr(app, name) for name in App.__slots__} | {"callback_url": await moved.start()})
        moved.expect(changed)
        wecom.register(changed)
        await phone.say("hello")
    finally:
        await moved.stop()

    assert ([], ["hello"]) == (receiver.contents(), moved.contents())
