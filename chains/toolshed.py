"""Every tool of a deployment, ready to be offered to the models of the chains that name it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module

from chains.config import ChainConfig
from chains.senses import Senses
from chains.tool import Offer, Tool
from chains.tools import tool_names
from pipeline.ports import Traits


@dataclass(frozen=True)
class Toolshed:
    """The tools by the names that chains give them."""

    offers: Mapping[str, Offer]

    async def take(self, chain: ChainConfig, traits: Traits) -> dict[str, Offer]:
        """Give the tools a chain allows and a channel can show the results of, by the names models call them."""
        found = (self.offers.get(name) for name in chain.tools)
        return {offer.tool.name: offer for offer in found if offer is not None and offer.fits(traits)}


def open_toolshed(senses: Senses) -> Toolshed:
    """Make the tools for which everything is there."""
    made = ((each, each.make(senses)) for each in tools_of("chains.tools", tool_names()))
    return Toolshed(
        {
            each.name: Offer(tool, each.seconds, each.most, each.notice, each.fits)
            for each, tool in made
            if tool is not None
        }
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
