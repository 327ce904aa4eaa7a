"""The MCP servers of the settings: each is connected to and asked for its tools."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from tempfile import TemporaryFile
from typing import TextIO, cast

from chains.catalog.config import ChainConfig
from chains.tooling.mcp import open_servers, set_up
from chains.tooling.mcp_client import McpConnection
from pipeline.errors import SettingsInvalid
from pipeline.findings import Finding, FindingFactory
from pipeline.settings import McpTable, Settings
from web.doctor.answering_chains import chains_by_tool

_LAST_WORDS = 200


async def examine_servers(
    settings: Settings, chains: Iterable[ChainConfig], finding_factory: FindingFactory, seconds: float
) -> AsyncIterator[Finding]:
    """Connect to each server on its own, and look for the tools that chains name; a program is ended again."""
    named = chains_by_tool(chains)
    tables = set_up(settings)
    try:
        await asyncio.to_thread(open_servers, settings)
    except SettingsInvalid as error:
        yield finding_factory.failed(
            "mcp", "mcp_invalid", "models_bad_fix", problems=finding_factory.joined(error.problems)
        )
        return
    for name, table in tables.items():
        async for finding in _asked(name, table, settings, finding_factory.of(name), seconds, named.get(name, {})):
            yield finding


async def _asked(
    name: str,
    table: McpTable,
    settings: Settings,
    finding_factory: FindingFactory,
    seconds: float,
    named: Mapping[str, list[str]],
) -> AsyncIterator[Finding]:
    proxy = settings.network.proxy.get_secret_value()
    errors = cast("TextIO", await asyncio.to_thread(TemporaryFile, "w+", encoding="utf-8", errors="replace"))
    server = McpConnection(name, table, proxy=proxy, errors=errors)
    try:
        offers = await server.offers(patience=seconds)
        trouble = server.trouble or ("" if offers else "-")
        missing = sorted(set(table.tools) - offers.keys())
    finally:
        await server.aclose()
        said = await asyncio.to_thread(_last_words, errors)
    if trouble:
        without = sorted({chain for chains in named.values() for chain in chains})
        yield finding_factory.failed(
            "mcp",
            "mcp_bad_chains" if without else "mcp_bad",
            "mcp_bad_fix",
            error=trouble,
            said=said or "-",
            seconds=f"{seconds:g}",
            chains=finding_factory.text("comma").join(without),
        )
        return
    if missing:
        yield finding_factory.warning(
            "mcp",
            "mcp_missing",
            "mcp_missing_fix",
            missing=finding_factory.text("comma").join(missing),
            tools=len(offers),
        )
    unknown = sorted(named.keys() - offers.keys() - {""})
    for tool in unknown:
        yield finding_factory.failed(
            "mcp",
            "mcp_unknown",
            "mcp_unknown_fix",
            tool=f"mcp.{name}.{tool}",
            chains=finding_factory.text("comma").join(named[tool]),
            known=finding_factory.text("comma").join(sorted(offers)),
        )
    if not missing and not unknown:
        yield finding_factory.ok("mcp", "mcp_ok", tools=len(offers))


def _last_words(errors: TextIO) -> str:
    """Return the last line that a program wrote to its standard error."""
    errors.seek(0)
    lines = errors.read().strip().splitlines()
    errors.close()
    return lines[-1][:_LAST_WORDS] if lines else ""
