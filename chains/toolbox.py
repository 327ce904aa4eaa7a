"""The tools a chain allows its model, offered as long as a turn is willing to wait for them, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

from chains.config import ChainConfig
from chains.drawing import Drawn
from chains.failures import answer_failed
from chains.senses import Senses
from chains.tools.draw import NAME as DRAW
from chains.tools.draw import draw_tool
from pipeline.errors import AnswerFailed
from pipeline.ports import Traits
from pipeline.words import Words

ROUNDS = 3
"""How often a model may ask for tools before it has to answer."""

MOST_USES = 4
"""How many tools one answer may use."""

_ENOUGH = "Not done: this answer has used enough tools. Answer now."
_UNKNOWN = "Not done: there is no such tool."
_UNFIT = "Not done: the arguments do not fit the tool."


@dataclass
class Toolbox:
    """The tools of one turn."""

    tools: Mapping[str, BaseTool]
    words: Words
    drawn: list[Drawn] = field(default_factory=list)
    _used: int = 0

    refused: bool = False
    """Whether the model would not be offered tools."""

    def offered(self, *, last: bool) -> dict[str, Any]:
        """Give what a call of the model says beside the messages; in the `last` round it may only answer."""
        if not self.tools:
            return {}
        choice = {"tool_choice": "none"} if last else {}
        return {"tools": [convert_to_openai_tool(tool) for tool in self.tools.values()], **choice}

    def is_to_blame(self, error: Exception, *, first: bool) -> bool:
        """Say whether the model may have refused the tools, which are then put away; some servers take none."""
        if not first or not self.tools or answer_failed(error, model="").reason != "model.refused":
            return False
        self.tools, self.refused = {}, True
        return True

    async def use(self, call: ToolCall, *, trace: str) -> ToolMessage:
        """Use a tool as a model asked to; gives what the model is told of it, failures included."""
        self._used += 1
        tool = self.tools.get(call["name"])
        if tool is None or self._used > MOST_USES:
            return self._told(call, _UNKNOWN if tool is None else _ENOUGH)
        try:
            told: ToolMessage = await tool.ainvoke({**call, "type": "tool_call"})
        except AnswerFailed as failed:
            return self._told(call, self.words.say(failed.reason, trace=trace))
        except ValidationError:
            return self._told(call, _UNFIT)
        if isinstance(told.artifact, Drawn):
            self.drawn.append(told.artifact)
        return told

    def _told(self, call: ToolCall, content: str) -> ToolMessage:
        return ToolMessage(content, tool_call_id=call["id"] or "", name=call["name"], status="error")


def open_toolbox(chain: ChainConfig, senses: Senses, traits: Traits, words: Words) -> Toolbox:
    """Lay out the tools that a chain allows, this deployment has, and the channel can show the results of."""
    tools: dict[str, BaseTool] = {}
    for name in chain.tools:
        match name:
            case "draw_picture":
                if senses.painter is not None and not senses.painter.demo and traits.pictures:
                    tools[DRAW] = draw_tool(senses.painter)
    return Toolbox(tools, words)
