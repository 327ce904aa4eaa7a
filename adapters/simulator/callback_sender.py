"""Posts callbacks to an app as WeCom does: four attempts of 5 s, each encrypted anew (wecom-protocol.md 1)."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx2

from adapters.simulator.callback_xml import callback_xml, envelope_xml
from adapters.simulator.faults import Faults, HoldBack, LoseAnswer, Repeat
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.stats import Stats
from adapters.simulator.platform.timeline import MemberAction
from adapters.wecom.callback.crypto import CallbackKeys

_OK = 200
_NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient WeCom is; seconds. Tencent does not say how long it waits before it tries again."""

    deadline: float = 5.0
    retries: int = 3
    retry_pause: float = 1.0
    verification_deadline: float = 1.0


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of one callback: an HTTP status for each try, 0 where no answer came in time."""

    msg_id: str
    statuses: tuple[int, ...]
    seconds: tuple[float, ...]
    body: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the app took it."""
        return _OK in self.statuses

    @property
    def tries(self) -> int:
        """Return how often it was posted."""
        return len(self.statuses)


@dataclass(frozen=True, slots=True)
class Verification:
    """How an app answered the check of its URL: `ok`, or why not in `problem`."""

    ok: bool
    status: int
    seconds: float
    problem: str = ""


class CallbackSender:
    """Posts to the apps' callback URLs; needs `aclose` at the end."""

    def __init__(self, faults: Faults, counts: Stats, retry_policy: RetryPolicy) -> None:
        self._faults = faults
        self._counts = counts
        self._retry_policy = retry_policy
        self._held: dict[tuple[str, int, str], asyncio.Event] = {}
        self._opened: httpx2.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def deliver(self, app: App, said: MemberAction) -> DeliveryResult:
        """Post what somebody did until it is accepted or given up; an app without a URL is told nothing."""
        if not app.callback_url:
            return DeliveryResult(said.msg_id, (), ())
        lane = (*app.key, said.user.casefold())
        fault = self._faults.at_callback()
        if fault is not None:
            self._counts.faults[fault.kind] += 1
        match fault:
            case None:
                posting = await self._persist(app, said)
            case LoseAnswer(times):
                posting = await self._persist(app, said, lost=times)
            case Repeat(times, together):
                posting = await self._repeat(app, said, times, together=together)
            case HoldBack(seconds):
                await self._hold(lane, seconds)
                posting = await self._persist(app, said)
        held = self._held.pop(lane, None)
        if held is not None:
            held.set()
        return posting

    async def verify(self, app: App) -> Verification:
        """Check the app's URL as WeCom does when an administrator saves it (wecom-protocol.md 1)."""
        echo = secrets.token_hex(16)
        keys = _keys(app)
        encrypted = keys.encrypt(echo.encode())
        query = _signed(keys, encrypted) | {"echostr": encrypted}
        client = await self._client()
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._retry_policy.verification_deadline):
                answer = await client.get(f"{app.callback_url}?{urlencode(query)}")
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            problem = "no answer in time" if isinstance(error, TimeoutError) else f"no answer: {type(error).__name__}"
            return Verification(ok=False, status=_NO_ANSWER, seconds=time.monotonic() - started, problem=problem)
        seconds = time.monotonic() - started
        if answer.status_code != _OK:
            return Verification(ok=False, status=answer.status_code, seconds=seconds, problem="the status is not 200")
        if answer.content != echo.encode():
            return Verification(ok=False, status=_OK, seconds=seconds, problem="the body is not the decrypted echostr")
        return Verification(ok=True, status=_OK, seconds=seconds)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.aclose()
            self._opened = None

    async def _client(self) -> httpx2.AsyncClient:
        # Made when first needed, off the loop: reading the system's certificates takes 40 ms.
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncio.to_thread(_open_client)
            return self._opened

    async def _persist(self, app: App, said: MemberAction, *, lost: int = 0) -> DeliveryResult:
        statuses: list[int] = []
        seconds: list[float] = []
        body = ""
        for attempt in range(self._retry_policy.retries + 1):
            if attempt:
                await asyncio.sleep(self._retry_policy.retry_pause)
            started = time.monotonic()
            status, body = await self._post(app, said)
            seconds.append(time.monotonic() - started)
            statuses.append(status)
            if status == _OK and attempt >= lost:
                break
        return self._counted(DeliveryResult(said.msg_id, tuple(statuses), tuple(seconds), body))

    async def _repeat(self, app: App, said: MemberAction, times: int, *, together: bool) -> DeliveryResult:
        if together:
            postings = await asyncio.gather(*(self._once(app, said) for _ in range(times)))
        else:
            postings = [await self._once(app, said) for _ in range(times)]
        return self._counted(
            DeliveryResult(
                said.msg_id,
                tuple(status for status, _, _ in postings),
                tuple(seconds for _, seconds, _ in postings),
                postings[-1][2],
            )
        )

    async def _once(self, app: App, said: MemberAction) -> tuple[int, float, str]:
        started = time.monotonic()
        status, body = await self._post(app, said)
        return status, time.monotonic() - started, body

    async def _post(self, app: App, said: MemberAction) -> tuple[int, str]:
        self._counts.posted += 1
        # Nothing promises that a second try has the same random bytes, nonce or time, so ours never has.
        url, body = encrypted_post(app, said)
        client = await self._client()
        try:
            async with asyncio.timeout(self._retry_policy.deadline):
                answer = await client.post(url, content=body, headers={"Content-Type": "text/xml"})
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL):
            return _NO_ANSWER, ""
        return answer.status_code, answer.text

    async def _hold(self, lane: tuple[str, int, str], seconds: float) -> None:
        released = self._held.setdefault(lane, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await released.wait()
        except TimeoutError:
            self._held.pop(lane, None)

    def _counted(self, posting: DeliveryResult) -> DeliveryResult:
        if posting.accepted:
            self._counts.accepted += 1
        else:
            self._counts.given_up += 1
        return posting


def encrypted_post(app: App, said: MemberAction) -> tuple[str, bytes]:
    """Return the URL and the body of one POST that reports what somebody did, signed and encrypted afresh."""
    keys = _keys(app)
    encrypted = keys.encrypt(callback_xml(app, said).encode())
    return f"{app.callback_url}?{urlencode(_signed(keys, encrypted))}", envelope_xml(app, encrypted).encode()


def _keys(app: App) -> CallbackKeys:
    return CallbackKeys.of(app.token, app.encoding_aes_key, "" if app.bot_id else app.corp_id)


def _signed(keys: CallbackKeys, encrypted: str) -> dict[str, str]:
    timestamp, nonce = str(int(time.time())), secrets.token_hex(8)
    return {"msg_signature": keys.sign(timestamp, nonce, encrypted), "timestamp": timestamp, "nonce": nonce}


def _open_client() -> httpx2.AsyncClient:
    # The way to the app is direct, through no proxy; the deadline is set around each call.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=16)
    return httpx2.AsyncClient(trust_env=False, timeout=None, limits=limits)
