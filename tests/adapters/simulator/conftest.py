"""A simulator that listens, an app in it, a receiver at the app's callback URL, and a client that calls WeCom."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from adapters.simulator.callback_sender import RetryPolicy
from adapters.simulator.platform.apps import App, invent_app
from adapters.simulator.platform.directory import Member
from adapters.simulator.simulator import WeComSimulator
from tests.adapters.simulator.receiver import Receiver
from tests.fakes.wecom.control import ControlledSimulator
from tests.hand_clock import HandClock

AGENT = 1000002
OTHER_AGENT = 1000003


@dataclass
class Caller:
    """Somebody who calls the API of one app, with its token in the query."""

    app: App
    client: httpx2.AsyncClient
    token: str = ""
    query: dict[str, str] = field(default_factory=dict)

    async def login(self) -> "Caller":
        fields = await self.get("gettoken", corpid=self.app.corp_id, corpsecret=self.app.secret)
        self.token = fields["access_token"]
        return self

    async def get(self, route: str, **query: str) -> dict[str, Any]:
        answer = await self.client.get(f"/cgi-bin/{route}", params={"access_token": self.token} | query)
        return self._fields(answer)

    async def post(self, route: str, body: object, **query: str) -> dict[str, Any]:
        answer = await self.client.post(f"/cgi-bin/{route}", params={"access_token": self.token} | query, json=body)
        return self._fields(answer)

    async def send(self, kind: str = "text", user: str = "zhangsan", **body: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        order = {"touser": user, "msgtype": kind, "agentid": self.app.agent_id, kind: body}
        return await self.post("message/send", order)

    async def upload(self, kind: str, data: bytes, name: str = "a.bin") -> dict[str, Any]:
        answer = await self.client.post(
            "/cgi-bin/media/upload",
            params={"access_token": self.token, "type": kind},
            files={"media": (name, data, "application/octet-stream")},
        )
        return self._fields(answer)

    def _fields(self, answer: httpx2.Response) -> dict[str, Any]:
        assert answer.status_code == 200
        fields: dict[str, Any] = answer.json()
        return fields


def connect(url: str) -> httpx2.AsyncClient:
    """A client that spares itself the reading of certificates nobody here needs."""
    return httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def app(receiver: Receiver) -> App:
    app = invent_app(agent_id=AGENT, callback_url=await receiver.start())
    receiver.expect(app)
    return app


@pytest.fixture
async def wecom(app: App, clock: HandClock) -> AsyncIterator[WeComSimulator]:
    """Two apps of one corp, three members, and a WeCom that does not wait long."""
    members = [Member("zhangsan", "张三", (1, 2)), Member("LiSi", "李四", (1,)), Member("wangwu", "王五", (1, 2))]
    other = invent_app(corp_id=app.corp_id, agent_id=OTHER_AGENT)
    policy = RetryPolicy(deadline=0.3, retry_pause=0.01, verification_deadline=0.3)
    async with ControlledSimulator([app, other], members=members, retry_policy=policy, clock=clock, seed=1) as running:
        yield running


@pytest.fixture
async def client(wecom: WeComSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with connect(wecom.url) as client:
        yield client


@pytest.fixture
async def caller(app: App, client: httpx2.AsyncClient) -> Caller:
    return await Caller(app, client).login()


@pytest.fixture
async def other_caller(wecom: WeComSimulator, client: httpx2.AsyncClient) -> Caller:
    return await Caller(wecom.app(OTHER_AGENT), client).login()
