"""The MCP servers of the settings, and which of their tools a chain may use."""

import asyncio
import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec

import structlog

from chains.tooling.mcp_client import CONNECT_SECONDS, McpConnection, callable_names
from chains.tooling.tool import BoundTool
from pipeline.errors import SettingsInvalid
from pipeline.settings import McpTable, Settings
from pipeline.text.credentials import shown_address
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import placed

log = structlog.get_logger()

MOST_OFFERED = 64
"""How many tools of servers one answer is offered."""

_PREFIX = "mcp."
_NAME = re.compile(r"[\w-]{1,32}", re.ASCII)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HASH = 6
_MOST_NAME = 64
_PACKAGE = "langchain_mcp_adapters"


@dataclass(frozen=True, slots=True)
class ToolExamination:
    """What servers say of the tools that a chain names: those they have not, and the servers that do not answer."""

    missing: tuple[Sentence, ...] = ()
    away: tuple[Sentence, ...] = ()


class McpServers:
    """The servers that are set up."""

    def __init__(self, servers: Mapping[str, McpConnection]) -> None:
        self._servers = servers
        self._logged: set[str] = set()

    async def offers(self, names: Iterable[str], *, patience: float = CONNECT_SECONDS) -> dict[str, BoundTool]:
        """Return the tools that a chain's `tools` name, by the names models call them; the rest of them is ignored."""
        wanted = tools_by_server(names)
        if not wanted:
            return {}
        here = [(self._servers[name], tools) for name, tools in wanted.items() if name in self._servers]
        known = await asyncio.gather(*(server.offers(patience) for server, _ in here))
        self._log_unknown(here)
        found = [
            (f"{_PREFIX}{server.name}.{name}", offer)
            for (server, tools), offers in zip(here, known, strict=True)
            for name, offer in sorted(offers.items())
            if not tools or name in tools
        ]
        return self._by_name(found[:MOST_OFFERED])

    def _by_name(self, offers: Iterable[tuple[str, BoundTool]]) -> dict[str, BoundTool]:
        """Return tools by the names models call them; of two that have one, the later gets a name of its own."""
        named: dict[str, BoundTool] = {}
        for whose, offer in offers:
            name = offer.tool.name
            if name in named:
                if whose not in self._logged:
                    self._logged.add(whose)
                    log.warning("mcp_tools_coincide", tool=whose, called=name)
                digest = hashlib.sha256(whose.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
                name = f"{name[: _MOST_NAME - _HASH - 1]}_{digest}"
                offer = replace(offer, tool=offer.tool.model_copy(update={"name": name}))  # noqa: PLW2901
            named[name] = offer
        return named

    def _log_unknown(self, here: Iterable[tuple[McpConnection, set[str]]]) -> None:
        """Log, once each, the tools that a chain names and its server has not."""
        for server, tools in here:
            for tool in sorted(tools - server.named) if server.named else ():
                if (name := f"{_PREFIX}{server.name}.{tool}") not in self._logged:
                    self._logged.add(name)
                    log.warning("mcp_tool_unknown", tool=name)

    async def examine(self, names: Iterable[str], *, patience: float = CONNECT_SECONDS) -> ToolExamination:
        """Ask the servers whether they have the tools that a chain's `tools` name."""
        missing: list[Sentence] = []
        away: list[Sentence] = []
        taken: dict[str, str] = {}
        for name, tools in tools_by_server(names).items():
            if (server := self._servers.get(name)) is None:
                continue
            offers = await server.offers(patience)
            if not server.connected:
                away.append(
                    _of_tools(
                        Sentence("mistake.mcp_away", server=name, said=server.trouble or Sentence("cause.timeout"))
                    )
                )
                continue
            known = ", ".join(sorted(offers)) or "-"
            missing += [
                _of_tools(Sentence("mistake.mcp_missing", server=name, found=tool, known=known))
                for tool in sorted(tools - offers.keys())
            ]
            for tool in sorted(offers.keys() & (tools or offers.keys())):
                called, whose = offers[tool].tool.name, f"{_PREFIX}{name}.{tool}"
                if (other := taken.setdefault(called, whose)) != whose:
                    said = Sentence("mcp_table.coincide", first=other, second=whose, called=called)
                    missing.append(_of_tools(said))
        return ToolExamination(tuple(missing), tuple(away))

    def connect_soon(self, names: Iterable[str]) -> None:
        """Begin to connect to the servers that chains' `tools` name, without waiting for any."""
        for server in tools_by_server(names):
            if server in self._servers:
                self._servers[server].connect_soon()

    async def aclose(self) -> None:
        """Disconnect from all of them."""
        await asyncio.gather(*(server.aclose() for server in self._servers.values()))


def open_servers(settings: Settings) -> McpServers:
    """Make the servers ready to be connected to. Loads a library if there is one, so it is not for the event loop.

    Raises `SettingsInvalid` for those that cannot work.
    """
    tables = set_up(settings)
    problems = [problem for name, table in tables.items() for problem in _problems(name, table)]
    problems += _coincidences(tables)
    if tables and find_spec(_PACKAGE) is None:
        problems.append(placed(f"[mcp.{next(iter(tables))}]", Sentence("mcp_table.package")))
    if problems:
        raise SettingsInvalid(problems)
    if tables:
        import_module(f"{_PACKAGE}.tools")
        # They quote what they could not read, and people's words are in it.
        for library in ("mcp", "client"):
            logging.getLogger(library).setLevel(logging.CRITICAL)
    proxy = settings.network.proxy.get_secret_value()
    return McpServers({name: McpConnection(name, table, proxy=proxy) for name, table in tables.items()})


def set_up(settings: Settings) -> dict[str, McpTable]:
    """Return the servers that somebody has filled in."""
    return {name: table for name, table in settings.mcp.items() if table.command or table.url}


def names_servers(names: Iterable[str]) -> bool:
    """Whether a chain's `tools` name any server."""
    return bool(tools_by_server(names))


def unknown_tools(names: Iterable[str], settings: Settings) -> Iterator[Sentence]:
    """Yield each server or tool that a chain's `tools` name and that is not in the settings."""
    tables = set_up(settings)
    for server, tools in tools_by_server(names).items():
        if (table := tables.get(server)) is None:
            there = ", ".join(f'"{_PREFIX}{name}"' for name in tables)
            kind = "mcp_server" if there else "mcp_none"
            yield _of_tools(Sentence(f"mistake.{kind}", found=_PREFIX + server, **({"known": there} if there else {})))
            continue
        for tool in sorted(tools - set(table.tools)) if table.tools else ():
            found = f"{_PREFIX}{server}.{tool}"
            yield _of_tools(Sentence("mistake.mcp_tool", found=found, server=server, known=", ".join(table.tools)))


def _of_tools(said: Sentence) -> Sentence:
    return Sentence("mistake.keyed", key="tools", said=said)


def tools_by_server(names: Iterable[str]) -> dict[str, set[str]]:
    """Return the servers that a chain's `tools` name with the tools wanted of each; none of them for all."""
    wanted: dict[str, set[str]] = {}
    everything: set[str] = set()
    for name in names:
        if name.startswith(_PREFIX):
            server, _, tool = name.removeprefix(_PREFIX).partition(".")
            wanted.setdefault(server, set())
            if tool:
                wanted[server].add(tool)
            else:
                everything.add(server)
    return {server: set() if server in everything else tools for server, tools in wanted.items()}


def _problems(name: str, table: McpTable) -> Iterator[str]:
    here = f"[mcp.{name}]"
    if not _NAME.fullmatch(name):
        yield placed(here, Sentence("mcp_table.name"))
    if table.transport == "stdio" and not table.command:
        yield placed(f"{here}.command", Sentence("mcp_table.no_command"))
    elif table.transport == "stdio" and table.url:
        yield placed(f"{here}.url", Sentence("mcp_table.no_url"))
    if table.transport != "stdio":
        if not table.url.startswith(("http://", "https://")):
            yield placed(f"{here}.url", Sentence("model_table.no_scheme", found=repr(shown_address(table.url))))
        if table.command:
            yield placed(f"{here}.command", Sentence("mcp_table.command"))
    for header in table.headers:
        if not _HEADER.fullmatch(header):
            yield placed(f"{here}.headers", Sentence("mcp_table.header", found=repr(header)))


def _coincidences(tables: Mapping[str, McpTable]) -> Iterator[str]:
    """Yield each name that tools of two servers have for a model, as far as the settings list them."""
    taken: dict[str, str] = {}
    for name, table in tables.items():
        for tool, called in callable_names(name, table.tools).items():
            other = taken.setdefault(called, f"mcp.{name}.{tool}")
            if other != f"mcp.{name}.{tool}":
                said = Sentence("mcp_table.coincide", first=other, second=f"mcp.{name}.{tool}", called=called)
                yield placed(f"[mcp.{name}].tools", said)
