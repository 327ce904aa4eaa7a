"""What `message/send` takes, cuts, drops and refuses, and what the phones show of it."""

from typing import Any

import httpx2
import pytest

from adapters.simulator.platform.apps import ApiLimits, App
from adapters.simulator.simulator import WeComSimulator
from tests.adapters.simulator.conftest import AGENT, OTHER_AGENT, Caller, connect
from tests.hand_clock import HandClock

JPG = b"\xff\xd8\xff\xe0" + b"picture" * 10


async def test_words_reach_the_phone_as_they_were_sent(caller: Caller, wecom: WeComSimulator) -> None:
    answer = await caller.send(content="你好\n 世界 ")
    (message,) = await wecom.messages("zhangsan", agent_id=AGENT)

    assert 0 == answer["errcode"]
    assert "你好\n 世界 " == message.text
    assert ("text", answer["msgid"], AGENT) == (message.type, message.msgid, message.agent_id)


async def test_messages_come_in_the_order_sent(caller: Caller, wecom: WeComSimulator) -> None:
    for number in range(5):
        await caller.send("markdown", content=f"**{number}**")

    assert [f"**{number}**" for number in range(5)] == await wecom.texts("zhangsan", count=5, agent_id=AGENT)


async def test_user_ids_are_the_same_in_capitals(caller: Caller, wecom: WeComSimulator) -> None:
    await caller.send(user="ZhangSan", content="hello")

    assert ["hello"] == await wecom.texts("ZHANGSAN", agent_id=AGENT)


@pytest.mark.parametrize("kind", ["text", "markdown"])
async def test_words_over_2048_bytes_are_cut_without_a_word(kind: str, caller: Caller, wecom: WeComSimulator) -> None:
    sent = "字" * 683
    answer = await caller.send(kind, content=sent)
    (message,) = await wecom.messages("zhangsan", agent_id=AGENT)

    assert (0, 1) == (answer["errcode"], wecom.counts.truncated)
    assert ("字" * 682, sent) == (message.text, message.sent)


async def test_2048_bytes_are_shown_whole(caller: Caller, wecom: WeComSimulator) -> None:
    await caller.send(content="a" * 2048)

    assert ["a" * 2048] == await wecom.texts("zhangsan", agent_id=AGENT)
    assert 0 == wecom.counts.truncated


async def test_strangers_are_named_in_lower_case_and_the_others_get_the_message(
    caller: Caller, wecom: WeComSimulator
) -> None:
    answer = await caller.send(user="zhangsan|NoBody|LISI|Stranger", content="hello")

    assert (0, "nobody|stranger") == (answer["errcode"], answer["invaliduser"])
    assert ["hello"] == await wecom.texts("lisi", agent_id=AGENT)
    assert ["hello"] == await wecom.texts("zhangsan", agent_id=AGENT)


async def test_a_department_and_everybody_can_be_written_to(caller: Caller, wecom: WeComSimulator) -> None:
    base = {"msgtype": "text", "agentid": AGENT}
    party = await caller.post("message/send", base | {"toparty": "2|9", "totag": "7", "text": {"content": "two"}})
    await caller.post("message/send", base | {"touser": "@all", "text": {"content": "all"}})

    assert ("9", "7") == (party["invalidparty"], party["invalidtag"])
    assert ["two", "all"] == await wecom.texts("wangwu", count=2, agent_id=AGENT)
    assert ["all"] == await wecom.texts("LiSi", agent_id=AGENT)


def order(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    good = {"touser": "zhangsan", "msgtype": "text", "agentid": AGENT, "text": {"content": "hello"}}
    return {name: value for name, value in (good | changes).items() if value is not None}


def card(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    good = {"card_type": "button_interaction", "task_id": "t-1", "main_title": {"title": "Yes?"}}
    body = {name: value for name, value in (good | changes).items() if value is not None}
    return order(msgtype="template_card", template_card=body)


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        pytest.param(order(text={"content": ""}), 44004, id="no words"),
        pytest.param(order(text={"content": " \n"}), 44004, id="only space"),
        pytest.param(order(text={}), 44004, id="no content"),
        pytest.param(order(text=None), 40063, id="no text at all"),
        pytest.param(order(agentid=str(AGENT)), 40056, id="an agent in quotes"),
        pytest.param(order(agentid=True), 40056, id="an agent that is true"),
        pytest.param(order(agentid=77), 40056, id="an agent there is not"),
        pytest.param(order(agentid=OTHER_AGENT), 301002, id="another app's agent"),
        pytest.param(order(agentid=None), 41011, id="no agent"),
        pytest.param(order(touser="nobody"), 81013, id="a stranger"),
        pytest.param(order(touser=""), 82001, id="nobody at all"),
        pytest.param(order(touser=5), 40058, id="a number for a user"),
        pytest.param(order(touser="|".join("u" * 1001)), 40032, id="more than 1000 users"),
        pytest.param(order(toparty="|".join("1" * 101)), 82002, id="more than 100 departments"),
        pytest.param(order(totag="|".join("1" * 101)), 82003, id="more than 100 tags"),
        pytest.param(order(msgtype="song"), 40008, id="an unknown type"),
        pytest.param(order(msgtype=None), 40008, id="no type"),
        pytest.param(order(msgtype="image", image={}), 41006, id="a picture without media id"),
        pytest.param(order(msgtype="image", image={"media_id": "gone"}), 40007, id="an unknown media id"),
        pytest.param(order(msgtype="textcard", textcard={"title": "t", "url": "u"}), 40063, id="a card without words"),
        pytest.param(
            order(msgtype="textcard", textcard={"title": "t", "description": "d", "url": "u" * 2049}),
            40039,
            id="a card with a long url",
        ),
        pytest.param(order(msgtype="news", news={"articles": []}), 40063, id="news without articles"),
        pytest.param(order(msgtype="news", news={"articles": [{"title": "t"}] * 9}), 45008, id="nine articles"),
        pytest.param(
            order(msgtype="mpnews", mpnews={"articles": [{"title": "t", "content": "c", "author": "a" * 65}]}),
            45032,
            id="a long author",
        ),
        pytest.param(order(msgtype="template_card", template_card={"card_type": "poker"}), 40058, id="a strange card"),
        pytest.param(card(task_id=None), 40063, id="an interactive card without task id"),
        pytest.param(card(task_id="t 1"), 40058, id="a task id with a space"),
        pytest.param([], 40058, id="no object"),
    ],
)
async def test_a_message_is_refused(body: object, errcode: int, caller: Caller, wecom: WeComSimulator) -> None:
    answer = await caller.post("message/send", body)

    assert errcode == answer["errcode"]
    assert 0 == wecom.counts.delivered
    assert 1 == wecom.counts.errors[errcode]


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        pytest.param(b"", 40063, id="nothing"),
        pytest.param(b"{", 40058, id="half an object"),
        pytest.param(b"\xff\xfe{}", 40058, id="no UTF-8"),
        pytest.param(b"[" * 100_000, 40058, id="a bomb of brackets"),
        pytest.param(b'{"agentid": ' + b"9" * 5000 + b"}", 40058, id="an endless number"),
        pytest.param(rb'{"text": {"content": "\u4f60"}}', 40033, id="Chinese written as escapes"),
    ],
)
async def test_a_body_is_refused(body: bytes, errcode: int, caller: Caller, client: httpx2.AsyncClient) -> None:
    answer = await client.post("/cgi-bin/message/send", params={"access_token": caller.token}, content=body)

    assert errcode == answer.json()["errcode"]


async def test_escapes_that_json_needs_are_taken(
    caller: Caller, client: httpx2.AsyncClient, wecom: WeComSimulator
) -> None:
    body = rb'{"touser":"zhangsan","msgtype":"text","agentid":1000002,"text":{"content":"\\u4f60 \u0007"}}'
    await client.post("/cgi-bin/message/send", params={"access_token": caller.token}, content=body)

    assert ["\\u4f60 \a"] == await wecom.texts("zhangsan", agent_id=AGENT)


async def test_get_instead_of_post_is_refused(caller: Caller) -> None:
    assert 40063 == (await caller.get("message/send"))["errcode"]


async def test_the_31st_message_in_a_minute_is_dropped_without_an_error(
    caller: Caller, wecom: WeComSimulator, clock: HandClock
) -> None:
    codes = {(await caller.send(content=str(number)))["errcode"] for number in range(31)}
    clock.now += 61
    await caller.send(content="later")

    assert {0} == codes
    assert 1 == wecom.counts.dropped
    shown = await wecom.texts("zhangsan", count=31, agent_id=AGENT)
    assert [str(number) for number in range(30)] + ["later"] == shown


async def test_the_limit_is_one_members_in_one_app(caller: Caller, other_caller: Caller, wecom: WeComSimulator) -> None:
    for number in range(30):
        await caller.send(content=str(number))
    await caller.send(user="wangwu", content="hello")
    await other_caller.send(content="hello")

    assert ["hello"] == await wecom.texts("wangwu", agent_id=AGENT)
    assert ["hello"] == await wecom.texts("zhangsan", agent_id=OTHER_AGENT)


async def test_an_hour_has_its_own_limit(app: App, clock: HandClock) -> None:
    limits = ApiLimits(per_minute=0, per_hour=3)
    async with WeComSimulator([app], limits=limits, clock=clock) as wecom, connect(wecom.url) as client:
        caller = await Caller(app, client).login()
        for number in range(5):
            await caller.send(content=str(number))
            clock.now += 1000
        shown = await wecom.texts("zhangsan", count=4)

    assert ["0", "1", "2", "4"] == shown


async def test_limits_can_be_lifted_and_old_messages_are_only_counted(app: App, clock: HandClock) -> None:
    limits = ApiLimits(per_minute=0, per_hour=0, kept_messages=10)
    async with WeComSimulator([app], limits=limits, clock=clock) as wecom, connect(wecom.url) as client:
        caller = await Caller(app, client).login()
        for number in range(40):
            await caller.send(content=str(number))
        shown = await wecom.texts("zhangsan", count=10)

    assert [str(number) for number in range(30, 40)] == shown
    assert (40, 0) == (wecom.counts.delivered, wecom.counts.dropped)


async def test_an_equal_request_is_swallowed_when_asked_for(
    caller: Caller, wecom: WeComSimulator, clock: HandClock
) -> None:
    body = order(enable_duplicate_check=1, duplicate_check_interval=60)
    first = await caller.post("message/send", body)
    second = await caller.post("message/send", body)
    clock.now += 60
    third = await caller.post("message/send", body)

    assert first["msgid"] == second["msgid"] != third["msgid"]
    assert ["hello", "hello"] == await wecom.texts("zhangsan", count=2, agent_id=AGENT)
    assert (2, 1) == (wecom.counts.repeated, wecom.counts.swallowed)


async def test_an_equal_request_is_delivered_twice_otherwise(caller: Caller, wecom: WeComSimulator) -> None:
    await caller.send(content="好的")
    await caller.send(content="好的")

    assert ["好的", "好的"] == await wecom.texts("zhangsan", count=2, agent_id=AGENT)
    assert (1, 0) == (wecom.counts.repeated, wecom.counts.swallowed)


async def test_a_picture_must_be_sent_as_a_picture(caller: Caller, wecom: WeComSimulator) -> None:
    media_id = (await caller.upload("image", JPG, "猫.jpg"))["media_id"]
    good = await caller.send("image", media_id=media_id)
    bad = await caller.send("file", media_id=media_id)
    (message,) = await wecom.messages("zhangsan", agent_id=AGENT)

    assert (0, 40007) == (good["errcode"], bad["errcode"])
    assert message.media is not None
    assert (media_id, "猫.jpg", "image/jpeg") == (message.media.media_id, message.media.name, message.media.mime)
    assert JPG == wecom.media(media_id, agent_id=AGENT).data


@pytest.mark.parametrize(
    ("kind", "body", "shown"),
    [
        pytest.param("textcard", {"title": "t" * 130, "description": "d", "url": "https://x"}, "t" * 128 + "\nd"),
        pytest.param("news", {"articles": [{"title": "a", "url": "https://x"}, {"title": "b"}]}, "a\nb"),
        pytest.param("miniprogram_notice", {"appid": "wx1", "title": "notice"}, "notice"),
        pytest.param("template_card", {"card_type": "text_notice", "main_title": {"title": "t", "desc": "d"}}, "t\nd"),
    ],
)
async def test_every_type_shows_its_words(
    kind: str, body: dict[str, Any], shown: str, caller: Caller, wecom: WeComSimulator
) -> None:
    assert 0 == (await caller.send(kind, **body))["errcode"]
    assert [shown] == await wecom.texts("zhangsan", agent_id=AGENT)


async def test_a_card_with_buttons_needs_a_callback_url_and_gives_a_response_code(
    caller: Caller, other_caller: Caller
) -> None:
    with_url = await caller.post("message/send", card())
    without = await other_caller.post("message/send", card() | {"agentid": OTHER_AGENT})

    assert with_url["response_code"]
    assert 43012 == without["errcode"]


async def test_a_message_can_be_taken_back_within_a_day_by_its_own_app(
    caller: Caller, other_caller: Caller, wecom: WeComSimulator, clock: HandClock
) -> None:
    first, second = [(await caller.send(content=words))["msgid"] for words in ("one", "two")]
    foreign = await other_caller.post("message/recall", {"msgid": first})
    good = await caller.post("message/recall", {"msgid": first})
    clock.now += 24 * 3600
    # The token has ended too by then.
    late = await (await caller.login()).post("message/recall", {"msgid": second})
    messages = await wecom.messages("zhangsan", count=2, agent_id=AGENT)

    assert (40058, 0, 40058) == (foreign["errcode"], good["errcode"], late["errcode"])
    assert [True, False] == [message.recalled for message in messages]
    assert 40063 == (await caller.post("message/recall", {}))["errcode"]
    assert 40058 == (await caller.post("message/recall", {"msgid": ["x"]}))["errcode"]
