"""Models of any of LangChain's packages, called as the OpenAI ones are: the same options, tools, and bound on time."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, cast

import structlog
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig

from chains.models.async_runnable import AsyncOnlyRunnable
from chains.models.errors import explain, provider_answer, words_of
from chains.models.openai.adaptations import Adaptation, AdaptationMemory
from chains.models.providers import Provider, options_taken

log = structlog.get_logger()

CHAIN_OPTIONS = "chain_options"
"""Under this name a call carries a chain's options to models that each have to be told them in their own way."""

Make = Callable[[Mapping[str, Any]], BaseChatModel]
"""Builds a model with a chain's options before its own; blocks."""

# Chains are few, but each edit of one's options is another model.
_KEPT = 16


class ConfigurableModel(AsyncOnlyRunnable[LanguageModelInput, AIMessage]):
    """A model whose options are given when it is built: one for each set of options that chains have."""

    def __init__(
        self, name: str, provider: Provider, make: Make, *, seconds: float, adaptations: AdaptationMemory
    ) -> None:
        """Build the model itself, which blocks; raises `SettingsInvalid` for options that do not fit."""
        self._name = name
        self._provider = provider
        self._make = make
        self._seconds = seconds
        self._adaptations = adaptations
        self._plain = make({})
        self._made: dict[str, BaseChatModel] = {}
        self._making = asyncio.Lock()

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the library's own signature
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AIMessage:
        """Ask; whatever its library thinks, no longer than the settings say."""
        call = self._allowed(kwargs)
        async with asyncio.timeout(self._seconds):
            try:
                return await (await self._configured(call)).ainvoke(input, config)
            except Exception as error:
                explain(error, words_of(input))
                if not self._may_refuse_tools(error, input, call):
                    raise
                refused = error
            answer = await (await self._configured(_without_tools(call))).ainvoke(input, config)
            self._adaptations.remember(Adaptation.TOOLS, provider_answer(refused))
            return answer

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[AIMessage]:
        """Ask; no piece takes longer than the settings say."""
        call = self._allowed(kwargs)
        begun = False
        try:
            async with aclosing(self._pieces(input, config, call)) as pieces:
                async for piece in pieces:
                    begun = True
                    yield piece
        except Exception as error:
            explain(error, words_of(input))
            if begun or not self._may_refuse_tools(error, input, call):
                raise
            refused = error
        else:
            return
        async with aclosing(self._pieces(input, config, _without_tools(call))) as pieces:
            async for piece in pieces:
                yield piece
        self._adaptations.remember(Adaptation.TOOLS, provider_answer(refused))

    async def _pieces(
        self, asked: LanguageModelInput, config: RunnableConfig | None, call: Mapping[str, Any]
    ) -> AsyncGenerator[AIMessage]:
        model = await self._configured(call)
        async with aclosing(cast("AsyncGenerator[AIMessage]", model.astream(asked, config))) as pieces:
            while True:
                async with asyncio.timeout(self._seconds):
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece

    def _allowed(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        return _without_tools(call) if Adaptation.TOOLS in self._adaptations.active() else call

    def _may_refuse_tools(self, error: Exception, asked: LanguageModelInput, call: Mapping[str, Any]) -> bool:
        """Whether the model may have refused the tools it was offered; later its messages speak of them."""
        is_first = isinstance(asked, list) and not any(isinstance(message, ToolMessage) for message in asked)
        is_refusal = provider_answer(error).reason == "model.refused"
        return bool(call.get("tools")) and is_first and is_refusal and self._adaptations.guesses

    async def _configured(self, call: Mapping[str, Any]) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model for what a call says beside the messages."""
        own, tools = call.get(CHAIN_OPTIONS), call.get("tools")
        model = await self._with(own) if own else self._plain
        if not tools:
            return model
        closed = self._provider.tools_closed if call.get("tool_choice") == "none" else None
        if self._provider.tools_as_schemas:
            tools = [_schema(tool["function"]) for tool in tools]
        # Its messages may speak of tools: they are shown to it even where it may use none.
        return model.bind_tools(tools, **({"tool_choice": closed} if closed is not None else {}))

    async def _with(self, own: Mapping[str, Any]) -> BaseChatModel:
        key = json.dumps(own, sort_keys=True, default=str)
        async with self._making:
            known = self._made.pop(key, None)
            model = known if known is not None else await asyncio.to_thread(self._build, own)
            self._made[key] = model
            if len(self._made) > _KEPT:
                del self._made[next(iter(self._made))]
        return model

    def _build(self, own: Mapping[str, Any]) -> BaseChatModel:
        taken = options_taken(self._provider)
        fitting: dict[str, Any] = {}
        for key, value in own.items():
            named = self._provider.renamed.get(key, key)
            if named in taken:
                fitting[key] = value
            elif key == "response_format":
                fitting |= self._in_json(taken)
            else:
                # A chain may be written for another model and come here as to its stand-in.
                log.warning("model_option_unknown", model=self._name, option=key)
        return self._make(fitting)

    def _in_json(self, taken: frozenset[str]) -> dict[str, Any]:
        said = dict(self._provider.json)
        if said.keys() <= taken:
            return said
        # Before model_kwargs: OpenAI's library makes more of a response_format than JSON, and then refuses our tools.
        return next(({key: said} for key in ("extra_body", "model_kwargs") if key in taken), {})


def _schema(function: Mapping[str, Any]) -> dict[str, Any]:
    about = {"title": function["name"], "description": function.get("description", "")}
    return {"properties": {}, **function.get("parameters", {}), **about}


def _without_tools(call: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in call.items() if key not in {"tools", "tool_choice"}}
