"""Asks one version of a chain one question, and shows on the way what is sent and what comes back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from chains.catalog.config import ChainConfig, parse_chain
from chains.catalog.diagnostics import located
from chains.conversation.request import ModelRequest
from chains.evaluation.tester import ToolTrace, TrialAnswer
from pipeline.errors import ChainInvalid
from pipeline.text.toml_locations import locate_keys
from web.operator.chains.deployment import Version
from web.operator.chains.workspace import ChainWorkspace


@dataclass(frozen=True, slots=True)
class TrialBegun:
    """What the model is asked, and what of the chain's tools is missing or away."""

    sent: ModelRequest
    doubts: tuple[str, ...]


async def try_version(
    workspace: ChainWorkspace, chain: ChainConfig, question: str, *, tools: bool
) -> AsyncGenerator[TrialBegun | str | ToolTrace | TrialAnswer]:
    """Yield what is sent, then what is said as it is said, with the tools used in between, and what came of it."""
    async with workspace.tester(at_once=1, fresh=True, tools=tools) as tester:
        sent = await tester.prepare(chain, question)
        examined = await tester.tool_registry.servers.examine(chain.tools)
        yield TrialBegun(sent, (*examined.away, *examined.missing))
        async with aclosing(tester.stream(sent)) as pieces:
            async for piece in pieces:
                yield piece


async def version_of_text(workspace: ChainWorkspace, name: str, text: str) -> Version:
    """Return the version that a text which is stored nowhere is.

    Raises:
        ChainInvalid: it cannot be used.
    """

    def read() -> Version:
        source = f"{name}.toml"
        chain = parse_chain(text, name=name, source=source)
        if wrong := workspace.chain_files.problems_with(chain):
            where = locate_keys(text)
            raise ChainInvalid(*(located(source, each, where) for each in wrong))
        return Version("draft", text, chain)

    return await asyncio.to_thread(read)
