"""Driving the simulator from another process, and who is not allowed to."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from adapters.simulator.faults import Errcode, Slow
from adapters.simulator.platform.apps import invent_app
from adapters.simulator.platform.directory import Member
from adapters.simulator.platform.timeline import Delivered, MemberAction
from adapters.simulator.simulator import WeComSimulator
from pipeline.errors import SettingsInvalid
from pipeline.events import Clicked, Image
from tests.adapters.simulator.conftest import AGENT, Caller, connect
from tests.adapters.simulator.receiver import Receiver
from tests.fakes.wecom.control import ControlledSimulator
from tests.fakes.wecom.remote import RemoteSimulator


@pytest.fixture
async def remote(wecom: WeComSimulator) -> AsyncIterator[RemoteSimulator]:
    async with RemoteSimulator(wecom.url, agent_id=AGENT) as remote:
        yield remote


async def test_another_process_can_say_and_press_things(remote: RemoteSimulator, receiver: Receiver) -> None:
    said = await remote.say("zhangsan", "你好")
    pressed = await remote.do("zhangsan", Clicked("@help"))

    assert (True, "") == (said.accepted, pressed.msg_id)
    assert ["你好", "@help"] == [fields.get("Content", fields.get("EventKey")) for fields in receiver.received]


async def test_another_process_can_send_a_picture(
    remote: RemoteSimulator, receiver: Receiver, client: httpx2.AsyncClient, caller: Caller
) -> None:
    media_id = await remote.put("image", b"\xff\xd8\xff picture", "猫.jpg")
    await remote.do("zhangsan", Image(media_id))
    fetched = await client.get("/cgi-bin/media/get", params={"access_token": caller.token, "media_id": media_id})
    shown = await client.get("/simulator/media", params={"agent_id": AGENT, "media_id": media_id})

    assert media_id == receiver.received[0]["MediaId"]
    assert b"\xff\xd8\xff picture" == fetched.content == shown.content


async def test_another_process_can_read_a_phone(remote: RemoteSimulator, caller: Caller) -> None:
    waiting = asyncio.create_task(remote.messages("zhangsan", count=2))
    await remote.say("zhangsan", "question")
    for text in ("one", "two"):
        await caller.send(content=text)
    one, two = await waiting
    entries = await remote.entries("zhangsan")

    assert ("one", "two") == (one.text, two.text)
    assert ["two"] == await remote.texts("zhangsan", after=one.number)
    assert [MemberAction, Delivered, Delivered] == [type(entry) for entry in entries]
    with pytest.raises(TimeoutError, match="zhangsan got 0 of 1"):
        await remote.messages("zhangsan", within=0.01, after=two.number)


async def test_another_process_can_make_things_go_wrong(remote: RemoteSimulator, caller: Caller) -> None:
    number = await remote.add_fault(Errcode(-1), route="message/send")
    await remote.add_fault(Slow(0.0), calls=1)
    codes = [(await caller.send(content="hello"))["errcode"] for _ in range(2)]
    await remote.clear_faults(number)
    codes.append((await caller.send(content="hello"))["errcode"])

    assert [-1, -1, 0] == codes
    assert {"errcode": 2, "slow": 1} == (await remote.counts())["faults"]
    assert {"-1": 2} == (await remote.counts())["errors"]


async def test_another_process_can_count(remote: RemoteSimulator, caller: Caller) -> None:
    await caller.send(content="a" * 3000)
    counts = await remote.counts()
    (phone,) = await remote.phones()

    assert (1, 1, 1) == (counts["calls"]["message/send"], counts["delivered"], counts["truncated"])
    assert ("zhangsan", 1, 0) == (phone["user"], phone["delivered"], phone["dropped"])


async def test_another_process_can_add_apps_and_members(
    remote: RemoteSimulator, client: httpx2.AsyncClient, caller: Caller
) -> None:
    app = invent_app(corp_id="ww_new", agent_id=7)
    await remote.register(app)
    await remote.add_members([Member("newcomer", "新人")])
    listed = (await client.get("/simulator/apps")).text

    assert (await Caller(app, client).login()).token
    assert "ww_new" in listed
    assert app.secret not in listed
    assert 0 == (await caller.send(user="newcomer", content="hello"))["errcode"]


async def test_another_process_can_end_tokens_and_verify_a_url(remote: RemoteSimulator, caller: Caller) -> None:
    await remote.expire_tokens()

    assert 42001 == (await caller.send(content="hello"))["errcode"]
    assert (await remote.verify_url()).ok


async def test_a_fault_that_is_on_is_listed(remote: RemoteSimulator, client: httpx2.AsyncClient) -> None:
    number = await remote.add_fault(Errcode(45009), calls=3)
    (listed,) = (await client.get("/simulator/faults")).json()["faults"]

    assert (number, 3, 45009) == (listed["number"], listed["left"], listed["rule"]["fault"]["errcode"])


async def test_the_menu_is_listed(client: httpx2.AsyncClient) -> None:
    assert {"button": []} == (await client.get("/simulator/menu", params={"agent_id": AGENT})).json()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="a name that was bound to this machine"),
        pytest.param({"Host": "127.0.0.1.evil.example"}, id="a name that looks like this machine"),
        pytest.param({"Host": "192.168.0.7"}, id="an address beyond this machine"),
        pytest.param({"Forwarded": "for=203.0.113.7"}, id="forwarded by a proxy"),
        pytest.param({"X-Forwarded-For": "203.0.113.7"}, id="forwarded for somebody"),
        pytest.param({"X-Forwarded-Host": "localhost"}, id="forwarded from a host"),
        pytest.param({"Origin": "https://evil.example"}, id="from a web page"),
        pytest.param({"Origin": "http://localhost:3000"}, id="from a web page on this machine"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="an image of a web page"),
    ],
)
async def test_only_programs_on_this_machine_are_answered(headers: dict[str, str], client: httpx2.AsyncClient) -> None:
    paths = ("stats", "apps", "faults", "phones", "messages?user=zhangsan")

    assert {403} == {(await client.get(f"/simulator/{path}", headers=headers)).status_code for path in paths}


async def test_a_web_page_cannot_speak_for_anybody(client: httpx2.AsyncClient, receiver: Receiver) -> None:
    body = {"user": "zhangsan", "agent_id": AGENT, "content": {"kind": "text", "text": "hello"}}
    answer = await client.post("/simulator/do", json=body, headers={"Origin": "null"})

    assert 403 == answer.status_code
    assert [] == receiver.received


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "[::1]:80"])
async def test_every_name_of_this_machine_is_answered(host: str, client: httpx2.AsyncClient) -> None:
    assert 200 == (await client.get("/simulator/stats", headers={"Host": host})).status_code


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("do", b"", id="nothing"),
        pytest.param("do", b"\xff\xfe", id="no UTF-8"),
        pytest.param("do", b"[" * 100_000, id="a bomb of brackets"),
        pytest.param("do", b'{"user":"zhangsan"}', id="nothing done"),
        pytest.param("do", b'{"user":5,"content":{"kind":"text","text":"x"}}', id="a number for a user"),
        pytest.param("do", b'{"user":"zhangsan","content":{"kind":"song"}}', id="an unknown kind"),
        pytest.param("do", b'{"user":"zhangsan","content":{"kind":"text","text":"x"},"as":1}', id="an unknown key"),
        pytest.param("do", b'{"user":"zhangsan","content":{"kind":"text","text":"\\ud800"}}', id="half a character"),
        pytest.param("faults", b'{"fault":{"kind":"errcode"}}', id="an error without a code"),
        pytest.param("faults", b'{"fault":{"kind":"hang"},"calls":0}', id="a fault that never strikes"),
        pytest.param("faults", b'{"fault":{"kind":"hang"},"chance":2}', id="a chance above one"),
        pytest.param("faults", b'{"fault":{"kind":"__class__"}}', id="no fault"),
        pytest.param("faults", b'{"fault":{"kind":"hang","don":true}}', id="a misspelt key"),
        pytest.param("faults", b'{"fault":{"kind":"hang"},"route":"message/sned"}', id="a misspelt route"),
        pytest.param("faults", b'{"fault":{"kind":"http_status","status":1000}}', id="no status of HTTP's"),
        pytest.param("faults", b'{"fault":{"kind":"slow","seconds":-1}}', id="an answer before the question"),
        pytest.param("faults", b'{"fault":{"kind":"slow","seconds":NaN}}', id="no number of seconds"),
        pytest.param("faults", b'{"fault":{"kind":"repeat","times":0}}', id="a callback that comes no time"),
        pytest.param("apps", b'{"corp_id":"x"}', id="half an app"),
        pytest.param("members", b'[{"user":"a b"}]', id="a member with a space"),
        pytest.param("members", b'{"user":"a"}', id="no list"),
    ],
)
async def test_what_does_not_fit_is_a_400_that_says_where(
    path: str, body: bytes, client: httpx2.AsyncClient, receiver: Receiver
) -> None:
    answer = await client.post(f"/simulator/{path}", content=body)

    assert 400 == answer.status_code
    assert answer.json()["detail"]
    assert [] == receiver.received


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("messages", 400),
        ("messages?user=zhangsan&agent_id=x", 400),
        ("messages?user=zhangsan&agent_id=1000002&within=1e9", 400),
        ("messages?user=zhangsan&agent_id=1000002&within=nan", 400),
        ("messages?user=zhangsan&agent_id=1000002&count=1000", 400),
        ("messages?user=nobody&agent_id=1000002", 404),
        ("messages?user=zhangsan", 404),
        ("entries?user=zhangsan&agent_id=99", 404),
        ("media?media_id=../../etc/passwd&agent_id=1000002", 404),
        ("nothing", 404),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(path: str, status: int, client: httpx2.AsyncClient) -> None:
    assert status == (await client.get(f"/simulator/{path}")).status_code


async def test_waiting_ends_when_the_simulator_stops(remote: RemoteSimulator, wecom: WeComSimulator) -> None:
    waiting = asyncio.create_task(remote.messages("zhangsan", within=30))
    async with asyncio.timeout(30):
        while not await remote.phones():
            pass
        await wecom.stop()
        with pytest.raises(TimeoutError):
            await waiting


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.com", ""])  # noqa: S104 - that is refused
async def test_it_listens_on_this_machine_alone(host: str) -> None:
    simulator = WeComSimulator()
    with pytest.raises(SettingsInvalid, match="on this machine only"):
        await simulator.start(host)
    await simulator.aclose()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_it_can_be_started_again(host: str) -> None:
    simulator = ControlledSimulator()
    try:
        for _ in range(2):
            url = await simulator.start(host)
            async with connect(url) as client:
                assert 200 == (await client.get("/simulator/stats")).status_code
            await simulator.stop()
    finally:
        await simulator.aclose()


async def test_a_port_that_is_taken_is_an_error(wecom: WeComSimulator) -> None:
    second = WeComSimulator()
    with pytest.raises(OSError, match="in use"):
        await second.start(port=int(wecom.url.rpartition(":")[2]))
    await second.aclose()
