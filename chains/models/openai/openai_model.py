"""A model over the OpenAI protocol from its table of the settings: what its client takes, and what is sent as it is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx2
from pydantic import SecretStr, ValidationError

from chains.models.openai.adaptations import AdaptationMemory
from chains.models.openai.base_url import address_doubt
from chains.models.openai.transport import timeouts
from pipeline.errors import SettingsInvalid
from pipeline.settings import ModelTable

if TYPE_CHECKING:
    from chains.models.openai.openai_chat import FastChatOpenAI

OPENAI = "https://api.openai.com/v1"
"""Where a model is whose table has no address."""

# What the OpenAI client takes as its own and treats with care; every other option is sent word for word.
_CLIENT_OPTIONS = frozenset(
    {
        "default_headers",
        "default_query",
        "frequency_penalty",
        "organization",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stop",
        "stream_usage",
        "temperature",
        "top_p",
        "use_responses_api",
    }
)


def openai_model(
    here: str, table: ModelTable, client: httpx2.AsyncClient, adaptations: AdaptationMemory
) -> "FastChatOpenAI":
    """Build the model of a table; `SettingsInvalid` names its options of a wrong type, `here` being the table."""
    from chains.models.openai.openai_chat import FastChatOpenAI  # noqa: PLC0415 - costs a second, and the demo needs none of it

    try:
        return FastChatOpenAI(
            model=table.model,
            base_url=(table.base_url or OPENAI).rstrip("/"),
            api_key=SecretStr(table.key or "none"),
            timeout=timeouts(table.timeout),
            patience=table.timeout,
            stream_chunk_timeout=table.timeout,
            max_retries=table.max_retries,
            http_async_client=client,
            adaptations=adaptations,
            doubt=address_doubt(table.base_url) or "",
            **options_of(table),
        )
    except ValidationError as error:
        wrong = [
            f"{here}.{'.'.join(map(str, problem['loc']))}: found {problem['input']!r}; {problem['msg']}"
            for problem in error.errors()
        ]
        raise SettingsInvalid(wrong) from None


def options_of(table: ModelTable, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Sort a table's own keys, or others in their place, into what the client takes and what is sent word for word.

    The client would send `max_tokens` as `max_completion_tokens`, which only OpenAI itself understands.
    """
    own = table.own if own is None else own
    ours = {key: value for key, value in own.items() if key in _CLIENT_OPTIONS}
    beside = {key: value for key, value in own.items() if key not in _CLIENT_OPTIONS and key != "extra_body"}
    if not table.base_url and "max_tokens" in beside:
        ours["max_tokens"] = beside.pop("max_tokens")
    beside |= own.get("extra_body", {})
    if beside:
        ours["extra_body"] = beside
    # Set so that the environment's OPENAI_PROXY and the library's guesses about the address have no say.
    return {"stream_usage": True, "openai_proxy": "", "use_responses_api": False} | ours
