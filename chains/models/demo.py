"""The built-in model: needs no network and no key, says that it is a demo, and shows what a model would be given."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from pipeline.text.i18n import Catalogue
from pipeline.text.markdown.escape import escape_markdown

NAME = "demo"

_QUOTE = 40
_PIECE = 12
_PAUSE_SECONDS = 0.15
"""Between two pieces of a streamed answer: its dozen take about two seconds, in which one sees it grow."""


class DemoChat(BaseChatModel):
    """A model of a few sentences, in the language of its words."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    catalogue: Catalogue

    @property
    def _llm_type(self) -> str:
        return NAME

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - the library's own signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,  # noqa: ANN401
    ) -> ChatResult:
        answer = AIMessage(self._answer(messages), response_metadata={"model_name": NAME})
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,  # noqa: ANN401
    ) -> ChatResult:
        return self._generate(messages, stop)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,  # noqa: ANN401
    ) -> AsyncIterator[ChatGenerationChunk]:
        answer = self._answer(messages)
        for start in range(0, len(answer), _PIECE):
            await asyncio.sleep(_PAUSE_SECONDS if start else 0)
            yield ChatGenerationChunk(message=AIMessageChunk(content=answer[start : start + _PIECE]))
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata={"model_name": NAME}))

    def _answer(self, messages: list[BaseMessage]) -> str:
        instructions = [message.text for message in messages if isinstance(message, SystemMessage)]
        questions = [message.text for message in messages if isinstance(message, HumanMessage)]
        say = self.catalogue.text
        return "\n\n".join(
            (
                say("demo.answer", question=escape_markdown(questions[-1], most=_QUOTE)),
                say("demo.window", turns=len(questions) - 1),
                *(say("demo.instructions", text=escape_markdown(text, most=_QUOTE)) for text in instructions),
                say("demo.connect"),
            )
        )
