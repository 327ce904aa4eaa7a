"""The chains that answer, those on trial among them, as far as other checks and people have to know of them."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from chains.catalog.config import ChainConfig
from chains.tooling.mcp import tools_by_server
from pipeline.errors import SettingsInvalid
from pipeline.findings import Finding, FindingFactory
from pipeline.settings import Settings
from web.operator.chains.deployment import read_deployment
from web.operator.chains.workspace import ChainWorkspace


@dataclass(frozen=True, slots=True)
class AnsweringChains:
    """What answers, and by their chains' names the files that are not in use, with why."""

    chains: tuple[ChainConfig, ...] = ()
    refused: tuple[str, ...] = ()


async def read_answering_chains(settings: Settings) -> AnsweringChains | None:
    """Read them as the service does; None where the settings keep chains from being opened at all."""
    deployment = await read_deployment(settings)
    try:
        workspace = await asyncio.to_thread(ChainWorkspace, settings, deployment)
    except SettingsInvalid:
        # What is wrong is said of the models.
        return None
    try:
        trials = [workspace.on_trial(name) for name in deployment.trials]
        chains = [*workspace.chain_files.catalog.chains.values(), *(each.chain for each in trials if each is not None)]
        return AnsweringChains(tuple(chains), tuple(workspace.chain_files.catalog.problems))
    finally:
        await workspace.models.aclose()


def examine_chains(read: AnsweringChains | None, finding_factory: FindingFactory) -> Iterator[Finding]:
    """Yield how many chains answer, and each file that is not in use as it is."""
    if read is None:
        return
    yield finding_factory.ok("chains", "chains_ok", count=len({chain.name for chain in read.chains}))
    for problem in read.refused:
        yield finding_factory.warning("chains", "chain_refused", "chain_refused_fix", problem=problem)


def chains_by_tool(chains: Iterable[ChainConfig]) -> Mapping[str, Mapping[str, list[str]]]:
    """Return for each MCP server the tools that chains name of it, each with the chains; the tool "" is all of them."""
    named: dict[str, dict[str, list[str]]] = {}
    for chain in chains:
        for server, tools in tools_by_server(chain.tools).items():
            for tool in tools or {""}:
                known = named.setdefault(server, {}).setdefault(tool, [])
                known += [] if chain.name in known else [chain.name]
    return named
