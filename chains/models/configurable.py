"""Models of any of LangChain's packages, called as the OpenAI ones are: the same options, tools, and bound on time."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, cast

import structlog
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig

from chains.models.async_runnable import AsyncOnlyRunnable
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

    def __init__(self, name: str, provider: Provider, make: Make, *, seconds: float) -> None:
        """Build the model itself, which blocks; raises `SettingsInvalid` for options that do not fit."""
        self._name = name
        self._provider = provider
        self._make = make
        self._seconds = seconds
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
        model = await self._configured(kwargs)
        async with asyncio.timeout(self._seconds):
            return await model.ainvoke(input, config)

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[AIMessage]:
        """Ask; no piece takes longer than the settings say."""
        model = await self._configured(kwargs)
        async with aclosing(cast("AsyncGenerator[AIMessage]", model.astream(input, config))) as pieces:
            while True:
                async with asyncio.timeout(self._seconds):
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece

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
