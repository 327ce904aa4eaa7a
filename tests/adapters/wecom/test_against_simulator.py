"""The client and the pretend WeCom, built apart from the same pages, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.simulator.callback_xml import callback_xml, is_message
from adapters.simulator.faults import ApiFault, Drop, Errcode, HttpStatus, NotJson
from adapters.simulator.platform.apps import App, invent_app
from adapters.simulator.platform.timeline import MemberAction
from adapters.simulator.simulator import WeComSimulator
from adapters.wecom.callback.event_parser import read_event
from adapters.wecom.callback.xml import message_fields
from adapters.wecom.client.api import WeComApi
from adapters.wecom.client.cache import Cache
from adapters.wecom.client.errors import MediaExpired
from adapters.wecom.client.http import QyapiHttp
from pipeline.errors import TryAgain, Undeliverable
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
from pipeline.settings import Menu

PICTURE = b"\x89PNG\r\n\x1a\n" + b"p" * 100


@pytest.fixture
def pretend_app() -> App:
    return invent_app(corp_id="wwpretend")


@pytest.fixture
async def simulator(pretend_app: App) -> AsyncIterator[WeComSimulator]:
    async with WeComSimulator([pretend_app], seed=1) as simulator:
        yield simulator


@pytest.fixture
async def api(simulator: WeComSimulator, pretend_app: App, tmp_path: Path) -> AsyncIterator[WeComApi]:
    cache = Cache(tmp_path / "cache")
    api = WeComApi(
        QyapiHttp(simulator.url),
        corp_id=pretend_app.corp_id,
        secret=pretend_app.secret,
        agent_id=pretend_app.agent_id,
        cache=cache,
    )
    yield api
    await api.aclose()
    await cache.aclose()


async def test_words_reach_the_phone(api: WeComApi, simulator: WeComSimulator) -> None:
    await api.send_text("zhangsan", "你好 👋")
    await api.send_markdown("zhangsan", "**粗**")

    assert await simulator.texts("zhangsan", count=2) == ["你好 👋", "**粗**"]


async def test_a_file_reaches_the_phone_under_its_name(api: WeComApi, simulator: WeComSimulator) -> None:
    media_id = await api.upload("file", b"content", name="报告 1.pdf", mime="application/pdf")
    await api.send_media("zhangsan", "file", media_id)
    (message,) = await simulator.messages("zhangsan")

    assert message.media is not None
    assert ("报告 1.pdf", b"content") == (message.media.name, simulator.media(media_id).data)


async def test_what_a_person_sent_is_downloaded(api: WeComApi, simulator: WeComSimulator) -> None:
    media_id = simulator.phone("zhangsan").put("image", PICTURE, "猫.png")

    assert (await api.download(media_id)).data == PICTURE


async def test_media_nobody_knows_is_expired(api: WeComApi) -> None:
    with pytest.raises(MediaExpired):
        await api.send_media("zhangsan", "image", "nosuch")
    with pytest.raises(MediaExpired):
        await api.download("nosuch")


async def test_a_message_is_recalled(api: WeComApi, simulator: WeComSimulator) -> None:
    message_id = await api.send_text("zhangsan", "hi")
    await api.recall(message_id)
    (message,) = await simulator.messages("zhangsan")

    assert message.recalled


async def test_the_menu_comes_and_goes(api: WeComApi, simulator: WeComSimulator) -> None:
    assert await api.menu() == []
    await api.create_menu(Menu().buttons)
    shown = await api.menu()
    await api.delete_menu()

    assert [button["name"] for button in shown] == ["快捷指令"]
    assert simulator.menu() == ()


async def test_member_and_app_are_looked_up(api: WeComApi) -> None:
    assert (await api.user("zhangsan")).name
    assert not (await api.agent()).closed


async def test_a_token_that_ends_before_its_time_costs_one_new_one(api: WeComApi, simulator: WeComSimulator) -> None:
    await api.send_text("zhangsan", "0")
    simulator.expire_tokens()
    await asyncio.gather(*(api.send_text(f"user{number}", "1") for number in range(10)))

    assert simulator.counts.calls["gettoken"] == 2


@pytest.mark.parametrize(
    ("fault", "error", "after", "alert"),
    [
        pytest.param(Errcode(-1), TryAgain, 2, False, id="busy"),
        pytest.param(Errcode(45009), TryAgain, 60, False, id="too often"),
        pytest.param(Errcode(60020, "203.0.113.7"), TryAgain, 60, True, id="from a strange address"),
        pytest.param(HttpStatus(500), TryAgain, 2, False, id="HTTP 500"),
        pytest.param(NotJson(), TryAgain, 2, False, id="a page"),
        pytest.param(Drop(), TryAgain, 1, False, id="a connection cut"),
        pytest.param(Errcode(48002), Undeliverable, None, True, id="forbidden"),
        pytest.param(Errcode(81013), Undeliverable, None, False, id="nobody there"),
    ],
)
async def test_what_goes_wrong_is_told_apart(
    api: WeComApi,
    simulator: WeComSimulator,
    fault: ApiFault,
    error: type[TryAgain | Undeliverable],
    after: float | None,
    alert: bool,  # noqa: FBT001
) -> None:
    simulator.add_fault(fault, route="message/send", calls=1)

    with pytest.raises(error) as raised:
        await api.send_text("zhangsan", "hi")

    assert (after, alert) == (getattr(raised.value, "after", None), getattr(raised.value, "alert", None))
    await api.send_text("zhangsan", "hi")
    assert await simulator.texts("zhangsan") == ["hi"]


async def test_a_person_who_is_not_there_is_undeliverable(api: WeComApi) -> None:
    with pytest.raises(Undeliverable):
        await api.send_text("no such user!", "hi")


@pytest.mark.parametrize(
    "content",
    [
        Text("  你好 ]]> 👋\n"),
        Image("M"),
        Voice("M", "amr"),
        Video("M"),
        File("M", "报告.pdf"),
        Location(-23.5, 113.25, " 广州"),
        Link("标题", "说明", "https://x/?a=1&b=2"),
        Subscribed(),
        Unsubscribed(),
        Entered(),
        Clicked("@help"),
        Viewed("https://x"),
        Scanned("6", "code"),
        Position(23.5, -113.25, 65.0),
        CardActed("k", "t", "vote", "code", (("q", ("a", "b")), ("r", ()))),
        PlatformNotice("change_contact"),
        PlatformNotice("inactive_alert"),
        UnknownMessage("nosuch"),
        UnknownEvent("nosuch"),
    ],
    ids=lambda content: str(content.kind),
)
def test_what_the_simulator_writes_is_read_as_it_was_meant(pretend_app: App, content: Content) -> None:
    said = MemberAction(
        number=1,
        at=1_700_000_000.0,
        corp_id=pretend_app.corp_id,
        agent_id=pretend_app.agent_id,
        user="zhangsan",
        msg_id="7" if is_message(content) else "",
        content=content,
    )
    fields = message_fields(callback_xml(pretend_app, said).encode())
    event = read_event(fields, channel="wecom", corp_id=pretend_app.corp_id, agent_id=pretend_app.agent_id)

    assert event.content == content
