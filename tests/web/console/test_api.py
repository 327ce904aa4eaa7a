"""What programs and pages are told: entries as they come, faults, and how the service is."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from tests.service import RunningService, running_service
from web.console.chat.chat_page import LARGEST_UPLOAD
from web.http.server import serving
from web.listeners import bind
from web.settings.addresses import addresses_of
from web.settings.loading import load
from web.terminal.client import Client, NotAnswered, reached

REAL = {
    "WEBOT_SERVER__PORT": "0",
    "WEBOT_CONSOLE__PORT": "0",
    "WEBOT_SERVER__PUBLIC_URL": "https://bot.example.com/",
    "WEBOT_CHANNELS__WECOM__CORP_ID": "ww1234567890abcdef",
    "WEBOT_CHANNELS__WECOM__SECRET": "s" * 43,
    "WEBOT_CHANNELS__WECOM__AGENT_ID": "1000002",
    "WEBOT_CHANNELS__WECOM__TOKEN": "t" * 24,
    "WEBOT_CHANNELS__WECOM__ENCODING_AES_KEY": "a" * 43,
    # Nobody listens there, and nothing is to be sent.
    "WEBOT_CHANNELS__WECOM__API_BASE": "http://127.0.0.1:9",
}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    """A service for requests that change nothing, started once for all of them."""
    async with running_service(tmp_path_factory.mktemp("shared")) as opened:
        yield opened


async def events(http: httpx2.AsyncClient, count: int, headers: Mapping[str, str]) -> list[dict[str, str]]:
    """Give so many events of the page's stream by their fields; of their data, the first line."""
    found: list[dict[str, str]] = [{}]
    async with asyncio.timeout(30), http.stream("GET", "/console/stream", headers=headers) as stream:
        async for line in stream.aiter_lines():
            if not line:
                found.append({})
                if len(found) > count:
                    break
            else:
                name, _, value = line.partition(":")
                found[-1].setdefault(name, value.strip())
    return found[:-1]


async def test_a_page_that_was_away_is_told_only_what_it_missed(running: RunningService) -> None:
    phone = running.phone()
    await phone.say("一")
    await phone.messages(count=1)
    begin, said, answer = await events(running.http, 3, {})
    (again,) = await events(running.http, 1, {"Last-Event-ID": said["id"]})

    assert ["begin", "entry", "entry"] == [event["event"] for event in (begin, said, answer)]
    assert answer["id"] == again["id"]


async def test_a_page_from_before_a_restart_is_told_everything_anew(running: RunningService) -> None:
    phone = running.phone()
    await phone.say("一")
    await phone.messages(count=1)
    begin, said, _ = await events(running.http, 3, {"Last-Event-ID": "0123abcd.999"})

    assert ["begin", "entry"] == [begin["event"], said["event"]]


async def test_a_page_that_is_open_does_not_hold_up_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Seconds that the server waits for requests under way.
    monkeypatch.setattr("web.http.server._GRACE_SECONDS", 120)
    opened = asyncio.Event()
    ended = asyncio.Event()

    async def watch(http: httpx2.AsyncClient) -> None:
        async with http.stream("GET", "/console/stream") as stream:
            async for _ in stream.aiter_raw():
                opened.set()
        ended.set()

    async with httpx2.AsyncClient(trust_env=False, timeout=None) as http:
        async with running_service(tmp_path) as running:
            http.base_url = running.http.base_url
            watching = asyncio.create_task(watch(http))
            await opened.wait()
            leaving = asyncio.get_running_loop().time()
        took = asyncio.get_running_loop().time() - leaving
        await watching

    assert ended.is_set()
    assert took < 60


@pytest.mark.parametrize(
    ("form", "detail"),
    [
        pytest.param({"kind": "text", "text": " \n"}, "内容不完整", id="nothing said"),
        pytest.param({"kind": "location", "latitude": "91", "longitude": "0"}, "超出范围", id="no such place"),
        pytest.param({"kind": "dance"}, "内容不完整", id="nothing that can be done"),
        pytest.param({"kind": "text", "text": "x", "channel": "hr"}, "没有这个", id="no such app"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_nobody_can_have_done_is_not_sent(
    shared: RunningService, form: Mapping[str, str], detail: str
) -> None:
    answer = await shared.http.post("/console/do", data=dict(form))

    assert answer.status_code in {400, 404}
    assert detail in answer.json()["detail"]
    assert [] == shared.phone().entries()


async def test_a_file_that_is_too_large_is_refused(running: RunningService) -> None:
    answer = await running.http.post("/console/upload", files={"file": ("a.bin", b"x" * (LARGEST_UPLOAD + 1))})

    assert 413 == answer.status_code
    assert [] == running.phone().entries()


async def test_a_browser_is_given_no_file_that_it_might_run(running: RunningService) -> None:
    app = running.phone().app
    page = running.simulator.platform.uploads.put(app.corp_id, "file", b"<script>alert(1)</script>", name="a.html")
    drawing = running.simulator.platform.uploads.put(app.corp_id, "image", b"<svg onload=alert(1)>", name="a.svg")
    answers = [await running.http.get(f"/console/media/{media.label.media_id}") for media in (page, drawing)]

    assert ["application/octet-stream"] * 2 == [answer.headers["content-type"] for answer in answers]
    assert ["attachment"] * 2 == [answer.headers["content-disposition"].partition(";")[0] for answer in answers]


async def test_programs_set_and_lift_faults(running: RunningService) -> None:
    asked = {"fault": "rate_limited", "calls": 2}
    response = (await running.http.post("/console/api/faults", json=asked)).json()
    wrong = await running.http.post("/console/api/faults", json={"fault": "earthquake"})
    misspelt = await running.http.post("/console/api/faults", json={"falt": "busy"})
    lifted = (await running.http.delete("/console/api/faults")).json()

    assert [{"number": 1, "name": "rate_limited", "left": 2}] == response["in_force"]
    assert [400, 400] == [wrong.status_code, misspelt.status_code]
    assert "可用的有 expired, rate_limited" in wrong.json()["detail"]
    assert [] == lifted["in_force"]


async def test_with_real_credentials_the_console_says_so_and_where_wecom_must_call(tmp_path: Path) -> None:
    folder = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db", "WEBOT_STORAGE__DATA_DIR": f"{tmp_path}"}
    loaded = await asyncio.to_thread(load, tmp_path, REAL | folder)
    listeners = bind(addresses_of(loaded))
    url = listeners.console_url
    async with (
        httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60) as http,
        serving(loaded, listeners) as service,
    ):
        http.headers["Authorization"] = f"Bearer {service.access.token}"
        page = await http.get("/console")
        done = await http.post("/console/do", data={"kind": "text", "text": "你好"})
        async with Client(url, service.access.token) as client:
            state = (await client.status())["state"]
        port = url.rpartition(":")[2]
        there = await asyncio.to_thread(load, tmp_path, REAL | folder | {"WEBOT_CONSOLE__PORT": port})
        with pytest.raises(NotAnswered, match="every channel has WeCom credentials"):
            async with reached(there):
                pass

    assert "已接入真实的企业微信" in page.text
    assert "https://bot.example.com/gpt" in page.text
    assert "s" * 43 not in page.text
    assert (404, "没有运行模拟器") == (done.status_code, done.json()["detail"][:7])
    assert (False, False) == (state["simulated"], state["channels"][0]["simulated"])
