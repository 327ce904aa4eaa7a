"""Speaks to the console of a running service, as `webot chat` and `webot simulate` do; nothing goes beyond loopback."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, Self

import httpx2
from pydantic import Field, TypeAdapter
from pydantic_core import to_json

from adapters.simulator.platform.timeline import Entry
from pipeline.errors import WebotError
from pipeline.events import Content
from pipeline.text.i18n import Sentence
from web.http.server import serving
from web.listeners import bind
from web.logs.setup import configure_logs
from web.operator.service_client import bearer
from web.security.access import TokenUnreadable, read_token, token_path
from web.settings.addresses import Address, Addresses, addresses_of
from web.settings.loading import Loaded, secrets_of

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])
_KNOCK = httpx2.Timeout(15.0, connect=2.0)
"""Whoever takes the connection is there, and may be busy; a second webot beside it would be refused its database."""
_MOST_SECONDS = 120.0


class NotAnswered(WebotError):
    """The service refused, or there is nobody to chat with; the message says why."""


class Unauthorized(NotAnswered):
    """The service asks for a password, or for its token."""


class Client:
    """A console's routes for programs; needs `aclose` at the end."""

    def __init__(self, url: str, token: str = "") -> None:
        """Connect to the service at a URL; `token` is its own, and spares the console's password."""
        self.url = url
        # Loopback needs no proxy, and a context that trusts nobody spares reading the system's certificates.
        self._http = httpx2.AsyncClient(
            base_url=f"{url}/console",
            headers=bearer(token),
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=_MOST_SECONDS,
        )

    async def status(self) -> Mapping[str, Any]:
        """Return the service's state; its `product` is webot."""
        return await _fields(await self._http.get("/api/status", timeout=_KNOCK))

    async def simulated(self, name: str) -> Mapping[str, Any]:
        """Return the simulated channel of a name, or the first for none; raises `NotAnswered` with those there are."""
        channels = (await self.status())["state"]["channels"]
        simulated = {each["name"]: each for each in channels if each["simulated"]}
        if name and name not in simulated:
            raise NotAnswered(Sentence("shell.simulate_no_channel", found=name, known=", ".join(simulated)))
        return simulated[name] if name else next(iter(simulated.values()))

    async def do(self, session: Mapping[str, str], content: Content) -> Mapping[str, Any]:
        """Send or click something as a member; returns when it was accepted or WeCom would give up."""
        return await _fields(await self._http.post("/api/do", content=to_json({**session, "content": content})))

    async def put(self, session: Mapping[str, str], kind: str, name: str, data: bytes) -> str:
        """Store a file where the app can fetch it, and return its media id for `do`."""
        params = {**session, "type": kind, "name": name}
        return str((await _fields(await self._http.post("/api/media", params=params, content=data)))["media_id"])

    async def media(self, session: Mapping[str, str], media_id: str) -> bytes:
        """Return a file's bytes."""
        answer = await self._http.get(f"/media/{media_id}", params={"channel": session.get("channel", "")})
        return answer.content if answer.is_success else b""

    async def settled(self, session: Mapping[str, str], *, within: float) -> int | None:
        """Wait until all that a member said is answered; return the latest entry's number, None if it takes longer."""
        fields = await _fields(await self._http.get("/api/settled", params={**session, "within": within}))
        return int(fields["latest"]) if fields["settled"] else None

    @asynccontextmanager
    async def follow(self, session: Mapping[str, str]) -> AsyncIterator[AsyncIterator[Entry]]:
        """Follow a conversation from the moment the block begins."""
        async with self._http.stream("GET", "/api/follow", params=session, timeout=None) as answer:
            await _check(answer)
            lines = answer.aiter_lines()
            await anext(lines)
            yield (_ENTRY.validate_json(line) async for line in lines if line)

    async def simulate(self, channel: str, plan: bytes) -> AsyncGenerator[Mapping[str, Any]]:
        """Play a plan, yielding how far it is and at last the report."""
        body = b'{"channel":%s,"plan":%s}' % (to_json(channel), plan)
        async with self._http.stream("POST", "/api/simulate", content=body, timeout=None) as answer:
            await _check(answer)
            async for line in answer.aiter_lines():
                yield json.loads(line)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()


@asynccontextmanager
async def reached(loaded: Loaded, *, own: Loaded | None = None) -> AsyncIterator[tuple[Client, bool]]:
    """Reach the service that runs where the settings say, or run one in this process, as `own` settings say.

    Yields the client and whether the service is this process's own. Raises `NotAnswered` when there is no simulator
    to chat through.
    """
    address = addresses_of(loaded).console
    token, unreadable = await asyncio.to_thread(_token, loaded)
    async with Client(address.url, token) as client:
        if address.port and await _is_there(
            client, unreadable or f"the token in {token_path(loaded.settings)} is not its own"
        ):
            await _check_simulator(client)
            yield client, False
            return
    own = own or loaded
    nearby = Address("server", "127.0.0.1", 0)
    listeners = bind(Addresses(nearby, nearby))
    log = own.settings.log
    # Lines of the log between those of the conversation would make both unreadable.
    quiet = log.model_copy(update={"output": "file"}) if log.output == "console" else log
    with configure_logs(quiet, secrets_of(own)) as logs:
        async with (
            serving(own, listeners, logs=logs) as service,
            Client(listeners.console_url, service.access.token) as client,
        ):
            await _check_simulator(client)
            yield client, True


def _token(loaded: Loaded) -> tuple[str, str]:
    """Read the token of the service that may be running, or say why it cannot be read."""
    try:
        return read_token(loaded.settings), ""
    except TokenUnreadable as error:
        said: str = error.args[0]
        return "", said


async def _is_there(client: Client, unproven: str) -> bool:
    try:
        return (await client.status()).get("product") == "webot"
    except Unauthorized:
        raise NotAnswered(Sentence("shell.simulate_password", url=client.url, why=unproven)) from None
    except (NotAnswered, httpx2.HTTPError, ValueError):
        return False


async def _check_simulator(client: Client) -> None:
    if not (await client.status())["state"]["simulated"]:
        raise NotAnswered(Sentence("shell.simulate_real"))


async def _check(answer: httpx2.Response) -> None:
    if answer.is_success:
        return
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise Unauthorized(Sentence("shell.simulate_asks", host=answer.url.host))
    body = await answer.aread()
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"HTTP {answer.status_code}"
    raise NotAnswered(str(detail))


async def _fields(answer: httpx2.Response) -> dict[str, Any]:
    await _check(answer)
    fields: dict[str, Any] = answer.json()
    return fields
