"""A chat model over the OpenAI protocol that costs a fraction of what the library's own does.

The SDK walks every message of a request, key by key, to turn typed parameters into JSON, and LangChain has it build
typed answers in a thread: 10 ms of work at 40 messages (measured). Ours sends the messages as they are and reads the
answer as a dict: 2 ms. tests/chains/models/openai/test_openai_chat.py holds both to the same bytes and the same
message.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.exceptions import ModelConnectionError, ModelTimeoutError
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage, BaseMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI

from chains.models.openai.answers import parse_answer
from chains.models.response import REASONING, REFUSAL

# Arguments of the SDK's own methods: a request with one of them takes the library's way.
_SDK_ARGUMENTS = frozenset({"response_format", "extra_headers", "extra_query", "timeout"})


class FastChatOpenAI(ChatOpenAI):
    """`ChatOpenAI` with less work for each call, a bound on all of it, and the reasoning kept."""

    patience: float = 120.0
    """Seconds one call may take, its repetitions included."""

    def _get_request_payload(
        self,
        input_: LanguageModelInput,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,  # noqa: ANN401 - the library's own signature
    ) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        if "messages" in payload:
            # What stands in extra_body is sent as it is; the list itself is then replaced by it.
            payload["extra_body"] = {**(payload.get("extra_body") or {}), "messages": payload["messages"]}
            payload["messages"] = []
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
            if "messages" not in payload or payload.keys() & _SDK_ARGUMENTS:
                return await super()._agenerate(messages, stop, run_manager, **kwargs)
            beside = payload.pop("extra_body")
            return self._create_chat_result(parse_answer(await self._post({**payload, **beside})))

    async def _post(self, body: Mapping[str, Any]) -> bytes:
        try:
            response = await self.root_async_client.post("/chat/completions", body=body, cast_to=httpx2.Response)
        except openai.APITimeoutError as error:
            raise ModelTimeoutError from error
        except openai.APIConnectionError as error:
            raise ModelConnectionError from error
        content: bytes = response.content
        return content

    def _create_chat_result(
        self,
        response: dict[str, Any] | openai.BaseModel,
        generation_info: dict[str, Any] | None = None,
    ) -> ChatResult:
        if isinstance(response, dict):
            response = _first_choice(response)
        result = super()._create_chat_result(response, generation_info)
        if isinstance(response, dict):
            result.llm_output = {**(result.llm_output or {}), "model_name": response.get("model") or self.model_name}
            for generation, choice in zip(result.generations, response["choices"], strict=True):
                _keep_beside(generation.message, choice["message"])
        return result

    def _convert_chunk_to_generation_chunk(
        self,
        chunk: dict[str, Any],
        default_chunk_class: type[BaseMessageChunk],
        base_generation_info: dict[str, Any] | None,
    ) -> ChatGenerationChunk | None:
        piece = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if piece is not None and (choices := chunk.get("choices")):
            _keep_beside(piece.message, choices[0]["delta"])
            if choices[0].get("finish_reason"):
                piece.generation_info = {
                    **(piece.generation_info or {}),
                    "model_name": chunk.get("model") or self.model_name,
                }
        return piece


def _first_choice(response: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with its first choice alone, and of its usage what is counted: all else costs time or raises."""
    choices = response.get("choices")
    return {
        **response,
        "choices": choices[:1] if isinstance(choices, list) else choices,
        "usage": _counts(response.get("usage")),
    }


def _counts(usage: object) -> dict[str, Any]:
    if not isinstance(usage, Mapping):
        return {}
    numbers = {key: count for key, count in usage.items() if isinstance(count, int | float)}
    return numbers | {key: _counts(more) for key, more in usage.items() if isinstance(more, Mapping)}


def _keep_beside(message: BaseMessage, sent: Mapping[str, Any]) -> None:
    # DeepSeek, Qwen, Kimi and GLM say reasoning_content, OpenRouter and new vLLM reasoning.
    for key, value in (
        (REASONING, sent.get("reasoning_content") or sent.get("reasoning")),
        (REFUSAL, sent.get("refusal")),
    ):
        if isinstance(value, str) and value:
            message.additional_kwargs[key] = value
