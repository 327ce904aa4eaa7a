"""A scripted qyapi: gives tokens by itself, answers the rest as told, and remembers what it was asked."""

import json
from collections import defaultdict, deque
from typing import Any
from urllib.parse import parse_qs

import httpx2

from adapters.wecom.api import WeComApi
from adapters.wecom.cache import Cache
from adapters.wecom.wire import Wire

BASE = "http://127.0.0.1:1"
SECRET = "s3cret-of-the-app-that-nobody-may-see-000"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Qyapi:
    """Stands behind a Wire. `say` sets the next answers of a path."""

    def __init__(self) -> None:
        self.asked: list[httpx2.Request] = []
        self.lifetime: object = 7200
        self.same_token = False
        self._answers: defaultdict[str, deque[httpx2.Response | Exception]] = defaultdict(deque)
        self._tokens = 0

    def say(self, path: str, *answers: dict[str, Any] | httpx2.Response | Exception) -> None:
        self._answers[path].extend(
            httpx2.Response(200, json=answer) if isinstance(answer, dict) else answer for answer in answers
        )

    def asked_for(self, path: str) -> list[httpx2.Request]:
        return [request for request in self.asked if request.url.path == f"/cgi-bin/{path}"]

    def tokens_used(self, path: str) -> list[str]:
        return [parse_qs(request.url.query.decode())["access_token"][0] for request in self.asked_for(path)]

    def wire(self) -> Wire:
        return Wire(BASE, transport=httpx2.MockTransport(self))

    def api(self, cache: Cache, clock: Clock, *, secret: str = SECRET, agent_id: int = 1000002) -> WeComApi:
        return WeComApi(self.wire(), corp_id="wwcorp", secret=secret, agent_id=agent_id, cache=cache, clock=clock)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        path = request.url.path.removeprefix("/cgi-bin/")
        answers = self._answers[path]
        if not answers:
            return self._token() if path == "gettoken" else httpx2.Response(200, json={"errcode": 0, "errmsg": "ok"})
        answer = answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _token(self) -> httpx2.Response:
        self._tokens += 1
        token = "token-1" if self.same_token else f"token-{self._tokens}"
        return httpx2.Response(
            200, json={"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": self.lifetime}
        )


def refusal(errcode: int, errmsg: str = "no") -> dict[str, Any]:
    return {"errcode": errcode, "errmsg": errmsg}


def body_of(request: httpx2.Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.content)
    return body
