"""Drives a simulator that runs in another process of this machine, through its control routes."""

import ssl
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

import httpx2
from pydantic import Field, TypeAdapter
from pydantic_core import to_json

from adapters.simulator.callback_sender import DeliveryResult, Verification
from adapters.simulator.faults import EVERY, Fault
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.directory import Member
from adapters.simulator.platform.timeline import Delivered, Entry
from pipeline.events import Content, Text

_POSTING = TypeAdapter(DeliveryResult)
_MESSAGES = TypeAdapter(tuple[Delivered, ...])
_ENTRIES = TypeAdapter(list[Annotated[Entry, Field(discriminator="kind")]])
_VERIFICATION = TypeAdapter(Verification)


class RemoteSimulator:
    """The controls of a simulator at a base URL; `agent_id` may be left out while it has one app."""

    def __init__(self, base_url: str, *, agent_id: int | None = None) -> None:
        self._app = {} if agent_id is None else {"agent_id": agent_id}
        # A callback may take four tries of five seconds, and waiting a minute. Loopback needs no proxy, and a
        # context that trusts nobody spares reading the system's certificates.
        self._client = httpx2.AsyncClient(
            base_url=f"{base_url}/simulator",
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=90,
        )

    async def do(self, user: str, content: Content) -> DeliveryResult:
        """Do something as a member that WeCom reports; returns when the app has accepted it or WeCom would give up."""
        fields = await self._post("/do", {"user": user, "content": content} | self._app)
        fields.pop("accepted")
        return _POSTING.validate_python(fields)

    async def say(self, user: str, text: str) -> DeliveryResult:
        """Send a text as a member."""
        return await self.do(user, Text(text))

    async def put(self, kind: str, data: bytes, name: str = "") -> str:
        """Store a file for `media/get` and return its media id for `do`."""
        params = {"type": kind, "name": name} | self._app
        answer = await self._client.post("/media", params=params, content=data)
        return str(answer.raise_for_status().json()["media_id"])

    async def messages(
        self, user: str, *, count: int = 1, within: float = 30.0, after: int = 0
    ) -> tuple[Delivered, ...]:
        """Return all kept messages numbered higher than `after` once there are `count`; `TimeoutError` if not."""
        fields = await self._get("/messages", {"user": user, "count": count, "within": within, "after": after})
        messages = _MESSAGES.validate_python(fields["messages"])
        if len(messages) < count:
            raise TimeoutError(f"{user} got {len(messages)} of {count} messages within {within:g} s")
        return messages

    async def texts(self, user: str, *, count: int = 1, within: float = 30.0, after: int = 0) -> list[str]:
        """Wait as `messages` does and return what a person can read of each."""
        return [message.text for message in await self.messages(user, count=count, within=within, after=after)]

    async def entries(self, user: str, *, after: int = 0) -> list[Entry]:
        """Return a conversation so far, both sides."""
        return _ENTRIES.validate_python((await self._get("/entries", {"user": user, "after": after}))["entries"])

    async def add_fault(
        self, fault: Fault, *, route: str = EVERY, calls: int | None = None, chance: float = 1.0
    ) -> int:
        """Add a fault; returns the number for `clear_faults`."""
        rule = {"fault": fault, "route": route, "calls": calls, "chance": chance}
        return int((await self._post("/faults", rule))["number"])

    async def clear_faults(self, number: int | None = None) -> None:
        """Remove one fault, or all."""
        answer = await self._client.delete("/faults", params={} if number is None else {"number": number})
        answer.raise_for_status()

    async def counts(self) -> Mapping[str, Any]:
        """Return the fields of `Stats`; error codes are strings here."""
        return await self._get("/stats", {})

    async def phones(self) -> Sequence[Mapping[str, Any]]:
        """Return for every phone how many messages arrived, were dropped, and were sent."""
        phones: Sequence[Mapping[str, Any]] = (await self._get("/phones", {}))["phones"]
        return phones

    async def register(self, app: App) -> None:
        """Add an app, or change the one of the same corp and number."""
        await self._post("/apps", app)

    async def add_members(self, members: Sequence[Member]) -> None:
        """Add members."""
        await self._post("/members", members)

    async def expire_tokens(self) -> None:
        """End all access tokens before their time."""
        await self._post("/tokens/expire", {})

    async def verify_url(self) -> Verification:
        """Check the app's callback URL, as WeCom does when it is saved."""
        return _VERIFICATION.validate_python(await self._post("/verify", self._app))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    async def _get(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return _fields(await self._client.get(path, params={**params, **self._app}))

    async def _post(self, path: str, body: object) -> dict[str, Any]:
        return _fields(await self._client.post(path, content=to_json(body)))


def _fields(answer: httpx2.Response) -> dict[str, Any]:
    # The body says what was wrong, the status only that something was.
    if answer.is_error:
        raise httpx2.HTTPStatusError(answer.text, request=answer.request, response=answer)
    fields: dict[str, Any] = answer.json()
    return fields
