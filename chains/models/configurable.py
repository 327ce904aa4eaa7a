"""Models of any of LangChain's packages, called as the OpenAI ones are: the same options, tools, and bound on time."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import aclosing
from typing import Any, cast

import structlog
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import Runnable, RunnableConfig

from chains.models.adapted_messages import adapted_messages, wire_messages
from chains.models.async_runnable import AsyncOnlyRunnable
from chains.models.errors import explain, words_of
from chains.models.openai.adaptations import OPTIONS, Adaptation, AdaptationMemory, AdaptedCall
from chains.models.openai.refusals import proposals
from chains.models.packages.provider_pieces import ProviderPieces
from chains.models.providers import Provider, options_taken

log = structlog.get_logger()

CHAIN_OPTIONS = "chain_options"
"""Under this name a call carries a chain's options to models that each have to be told them in their own way."""

Make = Callable[[Mapping[str, Any], Collection[str]], BaseChatModel]
"""Builds a model with a chain's options before its own, and without some of either; blocks."""

NO_OPTIONS: Mapping[str, Any] = {}
_TOOL_KEYS = ("tools", "tool_choice")

_BUILT = frozenset({*OPTIONS, Adaptation.JSON_MODE, Adaptation.USAGE}) - {Adaptation.MAX_TOKENS}
"""What is left out when a model is built, not when it is asked."""

# Chains are few, but each edit of one's options is another model.
_KEPT = 16


class ConfigurableModel(AsyncOnlyRunnable[LanguageModelInput, AIMessage]):
    """A model whose options are given when it is built: one for each set of options that chains have."""

    def __init__(
        self,
        name: str,
        provider: Provider,
        make: Make,
        *,
        own: Mapping[str, Any],
        seconds: float,
        adaptations: AdaptationMemory,
    ) -> None:
        """Build the model itself, which blocks; raises `SettingsInvalid` for options that do not fit.

        `own` are the options of its table, which `make` knows already.
        """
        self._name = name
        self._provider = provider
        self._make = make
        self._own = own
        self._seconds = seconds
        self._adaptations = adaptations
        self._plain = make({}, ())
        self._made: dict[str, BaseChatModel] = {}
        self._making = asyncio.Lock()

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - the library's own signature
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AIMessage:
        """Ask; whatever its library thinks, no longer than the settings say."""
        async with asyncio.timeout(self._seconds):
            async with aclosing(self._adapted(input, config, kwargs, shown=False)) as pieces:
                first, *others = [piece async for piece in pieces]
        if isinstance(first, AIMessageChunk):
            return add_ai_message_chunks(first, *(each for each in others if isinstance(each, AIMessageChunk)))
        return first

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[AIMessage]:
        """Ask; no piece takes longer than the settings say."""
        async with aclosing(self._adapted(input, config, kwargs, shown=True)) as pieces:
            async for piece in pieces:
                yield piece

    async def _adapted(
        self, asked: LanguageModelInput, config: RunnableConfig | None, said: Mapping[str, Any], *, shown: bool
    ) -> AsyncGenerator[AIMessage]:
        """Yield the pieces of an answer, or the whole one; refusals change what is asked."""
        call = AdaptedCall(self._adaptations)
        while True:
            streams = Adaptation.WHOLE not in call.active and (shown or Adaptation.STREAMED in call.active)
            begun = False
            try:
                model = await self._configured(said, call.active)
                sent = adapted_messages(asked, call.active)
                async with aclosing(self._pieces(model, sent, config, streams=streams)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again or asked around
                explain(error, words_of(asked))
                if begun or not call.change(error, self._proposals(error, sent, said, call, streams=streams)):
                    raised = call.failure(error)
                    raise raised from raised.__cause__
            else:
                call.succeeded()
                return

    def _proposals(
        self, error: Exception, sent: LanguageModelInput, said: Mapping[str, Any], call: AdaptedCall, *, streams: bool
    ) -> Iterator[Adaptation]:
        tools = {} if Adaptation.TOOLS in call.active else {key: said[key] for key in _TOOL_KEYS if key in said}
        body = {**self._own, **said.get(CHAIN_OPTIONS, NO_OPTIONS), **tools}
        # How long an answer may be is its class's to say.
        body.pop(Adaptation.MAX_TOKENS.value, None)
        body |= {"stream": streams, "messages": wire_messages(sent)}
        if streams and "stream_usage" in options_taken(self._provider):
            body["stream_options"] = {}
        found = proposals(error, body, call.active, guesses=self._adaptations.guesses)
        # What it was built with is its class's to say.
        return (each for each in found if each is not Adaptation.BOUNDS)

    async def _pieces(
        self,
        model: Runnable[LanguageModelInput, AIMessage],
        asked: LanguageModelInput,
        config: RunnableConfig | None,
        *,
        streams: bool,
    ) -> AsyncGenerator[AIMessage]:
        if not streams:
            async with asyncio.timeout(self._seconds):
                answer = await model.ainvoke(asked, config)
            yield answer
            return
        taken = ProviderPieces()
        async with aclosing(cast("AsyncGenerator[AIMessage]", model.astream(asked, config))) as pieces:
            while not taken.is_full:
                async with asyncio.timeout(self._seconds):
                    piece = await anext(pieces, None)
                if piece is None:
                    break
                yield taken.take(piece)
        if (calls := taken.calls) is not None:
            yield calls

    async def _configured(
        self, said: Mapping[str, Any], active: frozenset[Adaptation]
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model for what a call says beside the messages."""
        own = said.get(CHAIN_OPTIONS, NO_OPTIONS)
        without = active & _BUILT
        model = await self._with(own, without) if own or without else self._plain
        tools = () if Adaptation.TOOLS in active else said.get("tools")
        if not tools:
            return model
        may_use = said.get("tool_choice") != "none" or Adaptation.TOOL_CHOICE in active
        closed = None if may_use else self._provider.tools_closed
        if self._provider.tools_as_schemas:
            tools = [_schema(tool["function"]) for tool in tools]
        # Its messages may speak of tools: they are shown to it even where it may use none.
        return model.bind_tools(tools, **({"tool_choice": closed} if closed is not None else {}))

    async def _with(self, own: Mapping[str, Any], without: frozenset[Adaptation]) -> BaseChatModel:
        key = json.dumps([sorted(without), own], sort_keys=True, default=str)
        async with self._making:
            known = self._made.pop(key, None)
            model = known if known is not None else await asyncio.to_thread(self._build, own, without)
            self._made[key] = model
            if len(self._made) > _KEPT:
                del self._made[next(iter(self._made))]
        return model

    def _build(self, own: Mapping[str, Any], without: frozenset[Adaptation]) -> BaseChatModel:
        taken = options_taken(self._provider)
        fitting: dict[str, Any] = {}
        for key, value in own.items():
            named = self._provider.renamed.get(key, key)
            if named in taken:
                fitting[key] = value
            elif key == "response_format":
                fitting |= {} if Adaptation.JSON_MODE in without else self._in_json(taken)
            else:
                # A chain may be written for another model and come here as to its stand-in.
                log.warning("model_option_unknown", model=self._name, option=key)
        if Adaptation.USAGE in without and "stream_usage" in taken:
            fitting["stream_usage"] = False
        return self._make(fitting, [adaptation.value for adaptation in without])

    def _in_json(self, taken: frozenset[str]) -> dict[str, Any]:
        said = dict(self._provider.json)
        if said.keys() <= taken:
            return said
        # Before model_kwargs: OpenAI's library makes more of a response_format than JSON, and then refuses our tools.
        return next(({key: said} for key in ("extra_body", "model_kwargs") if key in taken), {})


def _schema(function: Mapping[str, Any]) -> dict[str, Any]:
    about = {"title": function["name"], "description": function.get("description", "")}
    return {"properties": {}, **function.get("parameters", {}), **about}
