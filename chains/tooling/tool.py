"""A tool a chain may offer its model: limits, notice, and the person it runs for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from chains.media.services import MediaServices
from pipeline.ports import AnswerRequest, ChannelCapabilities

SECONDS = 20.0
"""How long a tool may take unless it says otherwise."""

MOST_USES = 8
"""How many tools one answer may use, and how often one of them unless it says otherwise."""

_ASK = "ask"


def fits_any_channel(_: ChannelCapabilities) -> bool:
    """Offer a tool on every channel."""
    return True


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a chain's file may name; each file of `chains/tools/` has one."""

    name: str
    """What chains and models call it: its file's name, and that of what `make` gives."""
    make: Callable[[MediaServices], BaseTool | None]
    """Makes the tool for a deployment, once; None where something it needs is not set up."""
    fits: Callable[[ChannelCapabilities], bool] = fits_any_channel
    """Says whether a channel can show what comes of it."""
    seconds: float = SECONDS
    """How long it may take; then the model is told that it failed."""
    most: int = MOST_USES
    """How often one answer may use it."""
    notice: str = ""
    """The sentence of the catalogue that is said while it works, for one that takes long."""


@dataclass(frozen=True)
class BoundTool:
    """A tool ready to be used, with what a model is told of it."""

    tool: BaseTool
    seconds: float = SECONDS
    most: int = MOST_USES
    notice: str = ""
    fits: Callable[[ChannelCapabilities], bool] = fits_any_channel

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """Return what a model is told; made once, for it costs more than the rest of a turn's work on its tools."""
        return convert_to_openai_tool(self.tool)


def config_for(ask: AnswerRequest) -> RunnableConfig:
    """Return a tool's call whom it is for."""
    return {"configurable": {_ASK: ask}}


def request_of(config: RunnableConfig) -> AnswerRequest:
    """Return, inside a tool, the request it works for; the tool's function takes `config.

    RunnableConfig`, which no model sees.
    """
    ask: AnswerRequest = config["configurable"][_ASK]
    return ask
