"""A chat model over the OpenAI protocol that gets on with every server that speaks it, at a fraction of the usual cost.

The SDK walks every message of a request, key by key, to turn typed parameters into JSON, and LangChain builds typed
answers in a thread: 10 ms of work at 40 messages, and 0.2 ms for each piece of a stream (measured). Ours sends the
messages as they are and reads the answer's JSON itself, all that has arrived at once: 2 ms.

Every answer is asked for as a stream, whoever asks: that is what a server can be relied on for (some models answer in
no other way, and a proxy does not hang up on one that takes long). What a server refuses is left out, and remembered
(`chains.models.openai.adaptations`).
"""

import asyncio
import contextlib
import inspect
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import httpx2
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.exceptions import ModelConnectionError, ModelTimeoutError
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import OpenAIConnectionError, OpenAITimeoutError
from pydantic import Field, PrivateAttr

from chains.models.errors import explain, words_of
from chains.models.openai.adaptations import Adaptation, AdaptationMemory, AdaptedCall, adapted
from chains.models.openai.answer_reader import AnswerReader, NoMessage
from chains.models.openai.message_building import chunk_of, ending_of, message_of, sent_messages
from chains.models.openai.refusals import proposals
from chains.models.openai.stream_decoder import StreamDecoder
from chains.models.openai.transport import BODY, HANDED, Body, ModelClient, Prepared, prepared
from chains.models.response import MOST_CHARACTERS

_PATH = "/chat/completions"
_RETRIES = "x-stainless-retry-count"
_RETRY_SECONDS = 0.5
_END_SECONDS = 0.05
_PIECES = 32
_TRICKLE = 4096
_LONGEST_PAUSE_SECONDS = 0.04
_SHORTEST_PAUSE_SECONDS = 0.001
_PAUSE_SHARE = 0.1


class AnswerLost(ModelConnectionError):
    """The connection broke while an answer came."""


class FastChatOpenAI(ChatOpenAI):
    """`ChatOpenAI` with less work for each call, a bound on all of it, and a generous reading of answers."""

    patience: float = 120.0
    """Seconds one call may take, its repetitions included; of a stream that is shown, each piece of it."""
    doubt: str = ""
    """What may be wrong with the address."""
    adaptations: AdaptationMemory = Field(default_factory=lambda: AdaptationMemory(""), exclude=True)
    """What the server refuses; shared by all who call the model."""
    _template: Prepared | None = PrivateAttr(default=None)
    """A request of the SDK's own that was answered: making one takes it as long as all the rest of a call."""

    def _get_request_payload(
        self,
        input_: LanguageModelInput,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,  # noqa: ANN401 - the library's own signature
    ) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        if "messages" in payload:
            payload["messages"] = sent_messages(input_, payload["messages"])
        return payload

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - the library's own signature
    ) -> ChatResult:
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        async with asyncio.timeout(self.patience):
            if "messages" not in payload:
                return await super()._agenerate(messages, stop, run_manager, **kwargs)
            reader = AnswerReader()
            async with aclosing(self._read(self._body(payload), reader, messages, shown=False)) as steps:
                async for _ in steps:
                    pass
        message = message_of(reader, self.model_name)
        generation = ChatGeneration(message=message, generation_info={"finish_reason": reader.finish})
        return ChatResult(generations=[generation], llm_output={"model_name": reader.model or self.model_name})

    # LangChain asks for it at every call; without it `inspect` works it out anew each time, 0.05 ms (measured).
    _agenerate.__signature__ = inspect.signature(_agenerate)  # type: ignore[attr-defined]

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - the library's own signature
    ) -> AsyncGenerator[ChatGenerationChunk]:
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        if "messages" not in payload:
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk
            return
        reader = AnswerReader()
        places = (0, 0)
        async with aclosing(self._read(self._body(payload), reader, messages, shown=True)) as steps:
            async for _ in steps:
                message, places = chunk_of(reader, places)
                if message is not None:
                    yield ChatGenerationChunk(message=message)
        ending = ending_of(reader, self.model_name)
        yield ChatGenerationChunk(message=ending, generation_info={"finish_reason": reader.finish})

    def _body(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        body = {key: value for key, value in payload.items() if key not in {"extra_body", "parsed"}}
        body |= payload.get("extra_body") or {}
        body["stream"] = True
        if self.stream_usage:
            body["stream_options"] = {"include_usage": True}
        return body

    async def _read(
        self, full: dict[str, Any], reader: AnswerReader, messages: list[BaseMessage], *, shown: bool
    ) -> AsyncGenerator[None]:
        """Read an answer into `reader`, and yield whenever there is more of it; refusals change what is asked."""
        call = AdaptedCall(self.adaptations)
        while True:
            body = adapted(full, call.active)
            try:
                async with aclosing(self._events(body, reader, shown=shown)) as steps:
                    async for _ in steps:
                        yield None
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again or asked around
                # What has been read cannot be asked for anew.
                if reader.has_message or not call.change(error, self._proposals(error, body, call)):
                    raised = call.failure(error)
                    explain(raised, words_of(messages), doubt=self.doubt)
                    raise raised from raised.__cause__
            else:
                call.succeeded()
                return

    def _proposals(self, error: Exception, body: Mapping[str, Any], call: AdaptedCall) -> Iterator[Adaptation]:
        return proposals(error, body, call.active, guesses=self.adaptations.guesses)

    async def _events(self, body: dict[str, Any], reader: AnswerReader, *, shown: bool) -> AsyncGenerator[None]:
        """Ask and read; an answer whose connection is lost on the way is asked for anew while none of it was shown."""
        for left in range(self.max_retries or 0, -1, -1):
            try:
                async with aclosing(self._events_once(body, reader, shown=shown)) as steps:
                    async for _ in steps:
                        yield None
            except AnswerLost:
                if not left or (shown and reader.length):
                    raise
                reader.clear()
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _events_once(self, body: dict[str, Any], reader: AnswerReader, *, shown: bool) -> AsyncGenerator[None]:
        decoder = StreamDecoder()
        answer = await self._answer(body, shown=shown)
        began = time.monotonic()
        try:
            pieces = aiter(answer)
            while not decoder.done and reader.length <= MOST_CHARACTERS and not reader.calls.is_full:
                async with self._bounded(shown=shown):
                    data = await anext(pieces, None)
                if data is None:
                    break
                for place, value in enumerate(decoder.feed(data)):
                    reader.add(value)
                    # Each piece shown is work: of many that arrive together the later ones are shown as one.
                    if shown and place < _PIECES:
                        yield None
                if shown:
                    yield None
                elif len(data) < _TRICKLE and not decoder.done:
                    # Nobody waits for the next word: what comes meanwhile is read at once.
                    await answer.pause(pause_of(time.monotonic() - began))
            if decoder.done:
                await _read_out(pieces)
        except httpx2.TimeoutException as error:
            raise ModelTimeoutError from error
        except httpx2.TransportError as error:
            raise AnswerLost(type(error).__name__) from error
        finally:
            await answer.aclose()
        _finish(decoder, reader, is_framed=answer.is_framed)
        if shown:
            yield None

    async def _answer(self, body: dict[str, Any], *, shown: bool) -> Body:
        try:
            async with self._bounded(shown=shown):
                if self._template is not None and (sent := await self._send(self._template, body)) is not None:
                    return sent
                response: httpx2.Response = await self.root_async_client.post(
                    _PATH, body=body, cast_to=httpx2.Response, stream=True, stream_cls=openai.AsyncStream[Any]
                )
        except openai.APITimeoutError as error:
            raise OpenAITimeoutError(error.request) from error
        except openai.APIConnectionError as error:
            raise OpenAIConnectionError(message=error.message, request=error.request) from error
        finally:
            if isinstance(unused := HANDED.get(), httpx2.Response):
                await unused.aclose()
            HANDED.set(None)
        if response.request.headers.get(_RETRIES) == "0":
            self._template = prepared(response.request)
        answer: Body = response.extensions[BODY]
        return answer

    async def _send(self, template: Prepared, body: Mapping[str, Any]) -> Body | None:
        """Send a body as the SDK sent one before, and return an answer that is good.

        What else comes of it is handed on to the SDK, which tries again or says what is wrong, as if it had sent the
        body itself.
        """
        try:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError):
            return None
        try:
            answer = await cast("ModelClient", self.http_async_client).send_again(template, content)
        except httpx2.TransportError as error:
            HANDED.set(error)
            return None
        if answer.is_success:
            return answer
        HANDED.set(answer.response(template.request))
        return None

    @asynccontextmanager
    async def _bounded(self, *, shown: bool) -> AsyncIterator[None]:
        """Bound one step of an answer that is shown; one that is not is bounded as a whole."""
        if not shown:
            yield
            return
        async with asyncio.timeout(self.patience):
            yield


def pause_of(seconds: float) -> float:
    """Return for how many seconds to read nothing of an answer that nobody sees grow and that has come for `seconds`.

    The last word may come meanwhile, so a pause is at most a tenth of the time that the answer took. With 40 ms from
    the start, one in five short answers was 40 ms late. 0 for what is not worth waking up for.
    """
    pause = min(seconds * _PAUSE_SHARE, _LONGEST_PAUSE_SECONDS)
    return pause if pause >= _SHORTEST_PAUSE_SECONDS else 0.0


def _finish(decoder: StreamDecoder, reader: AnswerReader, *, is_framed: bool) -> None:
    """Read what the end of the bytes makes whole; raise `NoMessage` where no message was in them."""
    for value in decoder.close():
        reader.add(value)
    if not reader.has_message:
        message = "an answer without a message"
        raise NoMessage(message)
    reader.end(is_stream=decoder.is_streamed, is_done=decoder.done or is_framed)


async def _read_out(pieces: AsyncIterator[bytes]) -> None:
    """Read the end of a body whose answer is complete: only then is its connection of use for the next call."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            while await anext(pieces, None) is not None:
                pass
