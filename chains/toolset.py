"""Every tool of a deployment, ready to be offered to the models of the chains that name it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from chains.catalog.config import ChainConfig
from chains.media.services import MediaServices
from chains.tooling.mcp import McpServers
from chains.tooling.mcp_client import CONNECT_SECONDS
from chains.tooling.tool import BoundTool, Tool
from chains.tools import tool_names
from pipeline.ports import ChannelCapabilities


@dataclass(frozen=True)
class ToolRegistry:
    """The tools by the names that chains give them, and the servers that have more."""

    offers: Mapping[str, BoundTool]
    servers: McpServers = field(default_factory=lambda: McpServers({}))

    async def bind(
        self, chain: ChainConfig, capabilities: ChannelCapabilities, *, patience: float = CONNECT_SECONDS
    ) -> dict[str, BoundTool]:
        """Return the tools a chain allows and a channel can show the results of, by the names models call them.

        Waits `patience` seconds at most for servers that are not connected yet.
        """
        found = (self.offers.get(name) for name in chain.tools)
        own = {offer.tool.name: offer for offer in found if offer is not None and offer.fits(capabilities)}
        return {**await self.servers.offers(chain.tools, patience=patience), **own}


def open_tool_registry(media_services: MediaServices, servers: McpServers | None = None) -> ToolRegistry:
    """Make the tools for which everything is there."""
    made = ((each, each.make(media_services)) for each in tools_of("chains.tools", tool_names()))
    return ToolRegistry(
        {
            each.name: BoundTool(tool, each.seconds, each.most, each.notice, each.fits)
            for each, tool in made
            if tool is not None
        },
        servers or McpServers({}),
    )


def tools_of(package: str, files: Iterable[str]) -> tuple[Tool, ...]:
    """Load the tools of a package's files; a `TypeError` names a file without one, or with one of another name."""
    return tuple(_tool_of(package, file) for file in files)


def _tool_of(package: str, file: str) -> Tool:
    tool = getattr(import_module(f"{package}.{file}"), "TOOL", None)
    if not isinstance(tool, Tool) or tool.name != file:
        message = f"{package.replace('.', '/')}/{file}.py: needs a line `TOOL = Tool({file!r}, …)`"
        raise TypeError(message)
    return tool
