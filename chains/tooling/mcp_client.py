"""One MCP server: connected to when its tools are first wanted, kept, and connected to anew after it was lost.

A session may be opened and closed by one task alone, so each has its own; whoever calls a tool talks to it through
queues. The library behind it is imported by `open_servers`, off the event loop and only where a server is set up.
"""

import asyncio
import hashlib
import json
import re
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from chains.tooling.executor import MOST_CHARACTERS
from chains.tooling.tool import MOST_USES, BoundTool
from pipeline.net import cause_sentence, is_loopback_url
from pipeline.settings import McpTable
from pipeline.text.i18n import Sentence

if TYPE_CHECKING:
    from mcp import ClientSession

log = structlog.get_logger()

CONNECT_SECONDS = 5.0
"""How long an answer waits for a server that is not connected; connecting goes on behind it."""

REST_SECONDS = 30.0
"""How long a server that could not be connected to is left alone."""

_FRESH_SECONDS = 5.0
_CLOSING_SECONDS = 8.0
_NAME = 64
_HASH = 6
_MOST_COMPARED = 20
_DESCRIPTION = 1000
_SCHEMA = 20_000
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")


class ServerUnavailable(Exception):
    """The server could not be reached now."""


class McpConnection:
    """A server of the settings; `errors` takes what a program writes to its standard error, else nobody does."""

    def __init__(self, name: str, table: McpTable, *, proxy: str = "", errors: TextIO | None = None) -> None:
        self.name = name
        self.table = table
        self._proxy = proxy
        self._errors = errors
        self._session: ClientSession | None = None
        self._offers: dict[str, BoundTool] = {}
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._closed = False
        self._seen = 0.0
        self._rests_until = 0.0
        self.named: frozenset[str] = frozenset()
        """What the server itself calls its tools, those that are not allowed here as well; empty until it said."""
        self.trouble = ""
        """What kept it from being connected to the last time."""

    async def offers(self, patience: float = CONNECT_SECONDS) -> Mapping[str, BoundTool]:
        """Return its tools by the server's own names, as they were last known; waits `patience` seconds at most."""
        try:
            async with asyncio.timeout(patience):
                await self._connected()
        except (TimeoutError, ServerUnavailable):
            log.info("mcp_server_not_ready", server=self.name, known=len(self._offers))
        return self._offers

    @property
    def connected(self) -> bool:
        """Whether it is connected to now."""
        return self._session is not None

    def connect_soon(self) -> None:
        """Begin to connect without waiting for it."""
        if self._task is None and not self._closed and time.monotonic() >= self._rests_until:
            self._ready = asyncio.Event()
            self._closing = asyncio.Event()
            self._task = asyncio.create_task(self._keep(self._ready, self._closing), name=f"mcp {self.name}")
            self._tasks.add(self._task)
            self._task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Disconnect; a program that was started is ended."""
        self._closed = True
        self._closing.set()
        if not (tasks := set(self._tasks)):
            return
        _, late = await asyncio.wait(tasks, timeout=_CLOSING_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a type of the extra
        """Call a tool and return what came of it as text alone. Raises whatever goes wrong."""
        from mcp.types import CallToolResult, TextContent  # noqa: PLC0415 - an extra

        session = await self._connected()
        try:
            result = await self._use(session, tool, arguments)
        except BaseException:
            # Whether it is lost or only slow shows when it is next wanted.
            self._seen = 0.0
            raise
        self._seen = time.monotonic()
        return CallToolResult(content=[TextContent(type="text", text=_text_of(result))], isError=result.isError)

    async def _use(self, session: "ClientSession", tool: str, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a type of the extra
        """Call a tool.

        `ServerUnavailable` when the session ends meanwhile, for whose answer the library would wait.
        """
        gone = asyncio.ensure_future(self._closing.wait())
        using = asyncio.ensure_future(session.call_tool(tool, dict(arguments)))
        try:
            await asyncio.wait({using, gone}, return_when=asyncio.FIRST_COMPLETED)
            if using.done():
                return using.result()
            raise ServerUnavailable(self.name)
        finally:
            gone.cancel()
            using.cancel()

    async def _connected(self) -> "ClientSession":
        if self._session is not None and time.monotonic() - self._seen > _FRESH_SECONDS:
            await self._ping(self._session)
        self.connect_soon()
        task = self._task
        if task is None:
            raise ServerUnavailable(self.name)
        if self._session is None:
            ready = asyncio.ensure_future(self._ready.wait())
            try:
                await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ready.cancel()
        if self._session is None:
            raise ServerUnavailable(self.name)
        return self._session

    async def _ping(self, session: "ClientSession") -> None:
        """Ask a server that has been quiet whether it is still there; let go of it if it is not."""
        from mcp import McpError  # noqa: PLC0415 - an extra
        from mcp.types import CONNECTION_CLOSED, METHOD_NOT_FOUND  # noqa: PLC0415

        try:
            async with asyncio.timeout(CONNECT_SECONDS / 2):
                await session.send_ping()
        except McpError as error:
            alive = error.error.code == METHOD_NOT_FOUND and error.error.code != CONNECTION_CLOSED
        except Exception:  # noqa: BLE001 - the edge of a step: whatever it is, the server is not there
            alive = False
        else:
            alive = True
        if alive:
            self._seen = time.monotonic()
        elif self._session is session:
            log.warning("mcp_server_lost", server=self.name)
            self._disconnect()

    def _disconnect(self) -> None:
        self._session = None
        self._task = None
        self._closing.set()

    def _give_up(self, closing: asyncio.Event, limit: asyncio.Timeout) -> None:
        """Disconnect from a server that sent more than it may; leave one that was not connected yet alone a while."""
        if closing.is_set() or closing is not self._closing:
            return
        self.trouble = Sentence("cause.too_much")
        if not self._ready.is_set() and not limit.expired():
            self._rests_until = time.monotonic() + REST_SECONDS
            limit.reschedule(asyncio.get_running_loop().time())
        log.warning("mcp_server_says_too_much", server=self.name, connected=self._ready.is_set())
        self._disconnect()

    async def _keep(self, ready: asyncio.Event, closing: asyncio.Event) -> None:
        """Keep the session open until it is to be closed, or is lost."""
        began = time.monotonic()
        try:
            async with (
                asyncio.timeout(self.table.timeout) as limit,
                self._opened(partial(self._give_up, closing, limit)) as session,
            ):
                await session.initialize()
                offers = await self._offered(session)
                limit.reschedule(None)
                self._session, self._offers, self._seen, self.trouble = session, offers, time.monotonic(), ""
                ready.set()
                ms = round((time.monotonic() - began) * 1000)
                log.info("mcp_server_connected", server=self.name, tools=len(offers), ms=ms)
                await closing.wait()
        except Exception as error:  # noqa: BLE001 - the edge of a step: answers go on without the server
            # Its own text may quote an address with a key in it.
            if not closing.is_set():
                self.trouble = cause_sentence(error)
            if ready.is_set():
                log.warning("mcp_server_lost", server=self.name, error=_short_cause(error))
            elif not closing.is_set():
                self._rests_until = time.monotonic() + REST_SECONDS
                log.warning("mcp_server_away", server=self.name, error=_short_cause(error), rests=REST_SECONDS)
        finally:
            if self._task is asyncio.current_task():
                self._session = self._task = None

    def _opened(self, give_up: Callable[[], None]) -> AbstractAsyncContextManager["ClientSession"]:
        return self._program(give_up) if self.table.transport == "stdio" else self._remote(give_up)

    @asynccontextmanager
    async def _program(self, give_up: Callable[[], None]) -> AsyncIterator["ClientSession"]:
        from mcp import ClientSession  # noqa: PLC0415 - an extra

        from chains.tooling.mcp_program import open_program  # noqa: PLC0415 - needs the extra

        table = self.table
        env = {key: value.get_secret_value() for key, value in table.env.items()}
        errors = self._errors or subprocess.DEVNULL
        command = [table.command, *table.args]
        async with (
            open_program(command, env, errors=errors, give_up=give_up) as (received, sent),
            ClientSession(received, sent) as session,
        ):
            yield session

    @asynccontextmanager
    async def _remote(self, give_up: Callable[[], None]) -> AsyncIterator["ClientSession"]:
        import httpx  # noqa: PLC0415 - an extra
        from langchain_mcp_adapters.sessions import create_session  # noqa: PLC0415

        from chains.tooling.mcp_bounds import bounding  # noqa: PLC0415 - needs the extra

        table = self.table
        proxy = None if is_loopback_url(table.url) else self._proxy or None
        certificates = await asyncio.to_thread(ssl.create_default_context)

        def client(
            headers: dict[str, str] | None = None,
            timeout: Any = None,  # noqa: ANN401 - the library's
            auth: Any = None,  # noqa: ANN401 - as above
        ) -> httpx.AsyncClient:
            return httpx.AsyncClient(
                headers={**(headers or {}), "accept-encoding": "identity"},
                event_hooks={"response": [bounding(give_up)]},
                timeout=timeout,
                auth=auth,
                proxy=proxy,
                trust_env=False,
                verify=certificates,
                # Headers carry keys, which are nobody else's.
                follow_redirects=not headers,
            )

        connection: Any = {
            "transport": table.transport,
            "url": table.url,
            "headers": {key: value.get_secret_value() for key, value in table.headers.items()},
            "timeout": table.timeout,
            "httpx_client_factory": client,
        }
        async with create_session(connection) as session:
            yield session

    async def _offered(self, session: "ClientSession") -> dict[str, BoundTool]:
        from langchain_mcp_adapters.tools import load_mcp_tools  # noqa: PLC0415 - an extra

        async def through(request: Any, handler: Any) -> Any:  # noqa: ANN401, ARG001 - types of the extra
            return await self.call(request.name, request.args)

        offers: dict[str, BoundTool] = {}
        loaded = await load_mcp_tools(session, tool_interceptors=[through], server_name=self.name)
        names = callable_names(self.name, [tool.name for tool in loaded])
        self.named = frozenset(names)
        for tool in loaded:
            if self.table.tools and tool.name not in self.table.tools:
                continue
            description = (tool.description or tool.name)[:_DESCRIPTION]
            renamed = tool.model_copy(update={"name": names[tool.name], "description": description})
            offer = BoundTool(renamed, self.table.timeout, MOST_USES)
            if len(json.dumps(offer.schema)) > _SCHEMA or tool.name in offers:
                log.warning("mcp_tool_left_out", server=self.name, tool=tool.name[:_NAME])
                continue
            offers[tool.name] = offer
        for missing in sorted(set(self.table.tools) - offers.keys()):
            log.warning("mcp_tool_missing", server=self.name, tool=missing)
        return offers


def callable_names(server: str, tools: Sequence[str]) -> dict[str, str]:
    """Return for each tool of a server a name that models may call, says whose it is, and no other tool has.

    Names in Chinese, too long ones, and those that would become the same end in a hash of the name itself, so that
    they stay what they are whatever else the server offers.
    """
    plain = {tool: _UNFIT.sub("_", f"{server}_{tool}") for tool in tools}
    shared = Counter(plain.values())
    names: dict[str, str] = {}
    for tool, name in plain.items():
        is_changed = name != f"{server}_{tool}"
        if not tool.isascii() or len(name) > _NAME or (shared[name] > 1 and is_changed):
            digest = hashlib.sha256(tool.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
            names[tool] = f"{name[: _NAME - _HASH - 1].rstrip('_')}_{digest}"
        else:
            names[tool] = name
    return names


def _text_of(result: Any) -> str:  # noqa: ANN401 - a type of the extra
    """Return what a tool gave as text: pictures and sounds are only named, and nothing is fetched."""
    parts: list[str] = []
    for block in result.content:
        match block.type:
            case "text":
                parts.append(block.text)
            case "resource" if (text := getattr(block.resource, "text", None)) is not None:
                parts.append(text)
            case "resource_link":
                parts.append(f"[{block.uri}]")
            case kind:
                parts.append(f"[{kind} left out]")
    if sum(map(len, parts)) > MOST_CHARACTERS:
        # What comes after is cut off anyway, and comparing so much takes seconds.
        return "\n".join(parts)
    if result.structuredContent is not None and not _is_said(result.structuredContent, parts):
        parts.append(json.dumps(result.structuredContent, ensure_ascii=False, default=str))
    return "\n".join(parts) or "(nothing)"


def _is_said(structured: Any, parts: list[str]) -> bool:  # noqa: ANN401 - JSON
    """Whether the words of a result say what its structured content does, as servers are asked to have it."""
    inner = structured["result"] if isinstance(structured, dict) and list(structured) == ["result"] else structured
    values = inner if isinstance(inner, list) else [inner]
    if len(values) > _MOST_COMPARED:
        return _is_json_of(structured, parts)
    return all(value in parts if isinstance(value, str) else _is_json_of(value, parts) for value in values)


def _is_json_of(structured: Any, parts: list[str]) -> bool:  # noqa: ANN401 - JSON
    for part in parts:
        try:
            if json.loads(part) == structured:
                return True
        except (ValueError, RecursionError):
            continue
    return False


def _short_cause(error: BaseException) -> str:
    """Return in a few words what kept a server away, the innermost of it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    status = getattr(getattr(error, "response", None), "status_code", None)
    detail = f" HTTP {status}" if status else ""
    if isinstance(error, OSError) and error.strerror:
        detail = f" {error.strerror}"
    return f"{type(error).__name__}{detail}"
