"""The providers beside OpenAI's protocol: LangChain's packages, each an extra of webot, and how their models are built.

Their classes agree on little: one says `timeout`, another `request_timeout`, a third neither. What a class takes is
read from its fields, so that a new release of a package needs no new release of webot.
"""

import importlib
import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

import httpx2
from langchain_core.language_models import BaseChatModel
from pydantic import ValidationError

from chains.models.openai.transport import timeouts
from chains.models.packages.library_clients import bound_clients
from pipeline.errors import SettingsInvalid
from pipeline.settings import ModelTable
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import nearest, placed

Key = Literal["needed", "taken"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of LangChain's: where its class is, and the little that the class cannot tell."""

    module: str
    chat: str
    extra: str = ""
    """The extra of webot that installs it; empty for what webot always has."""
    home: str = ""
    """Its own address, given to it in so many words: else the environment could lead a call elsewhere."""
    key: Key = "needed"
    json: Mapping[str, Any] = field(default_factory=lambda: {"response_format": {"type": "json_object"}})
    """The options by which it answers in JSON; none where only the instructions ask for it."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """What it calls options that all others call by one name."""
    tools_as_schemas: bool = False
    """Whether its class takes a tool as the bare JSON schema of its arguments."""
    tools_closed: Any = "none"
    """The `tool_choice` by which a model may use no tool; None where there is none."""

    @property
    def package(self) -> str:
        """Name the distribution that has it."""
        return self.module.partition(".")[0].replace("_", "-")


_BEDROCK: Mapping[str, Any] = {"extra": "bedrock", "key": "taken", "json": {}, "tools_closed": None}
_NOT_A_TOOL: Mapping[str, str] = {"type": "none"}

PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider(
        "langchain_anthropic",
        "ChatAnthropic",
        extra="anthropic",
        home="https://api.anthropic.com",
        json={},
        tools_closed=_NOT_A_TOOL,
    ),
    "anthropic_bedrock": Provider("langchain_aws", "ChatAnthropicBedrock", **_BEDROCK),
    "azure_openai": Provider("langchain_openai", "AzureChatOpenAI"),
    "baseten": Provider("langchain_baseten", "ChatBaseten", extra="baseten", home="https://inference.baseten.co/v1"),
    "bedrock": Provider("langchain_aws", "ChatBedrock", **_BEDROCK),
    "bedrock_converse": Provider("langchain_aws", "ChatBedrockConverse", **_BEDROCK),
    "bedrock_mantle_anthropic": Provider("langchain_aws", "ChatAnthropicMantle", **_BEDROCK),
    "bedrock_mantle_openai": Provider("langchain_aws", "ChatOpenAIMantle", extra="bedrock", key="taken"),
    "cohere": Provider(
        "langchain_cohere",
        "ChatCohere",
        extra="cohere",
        home="https://api.cohere.com",
        json={},
        tools_as_schemas=True,
        tools_closed=None,
    ),
    "deepseek": Provider("langchain_deepseek", "ChatDeepSeek", extra="deepseek", home="https://api.deepseek.com/v1"),
    "fireworks": Provider("langchain_fireworks", "ChatFireworks", extra="fireworks"),
    "google_genai": Provider(
        "langchain_google_genai",
        "ChatGoogleGenerativeAI",
        extra="google-genai",
        json={"response_mime_type": "application/json"},
    ),
    "groq": Provider("langchain_groq", "ChatGroq", extra="groq", home="https://api.groq.com"),
    "ibm": Provider("langchain_ibm", "ChatWatsonx", extra="ibm", json={}, tools_closed=None),
    "meta": Provider("langchain_meta", "ChatMetaModel", extra="meta", home="https://api.meta.ai/v1/"),
    "mistralai": Provider("langchain_mistralai", "ChatMistralAI", extra="mistralai", home="https://api.mistral.ai/v1"),
    "nvidia": Provider("langchain_nvidia_ai_endpoints", "ChatNVIDIA", extra="nvidia", json={}),
    "ollama": Provider(
        "langchain_ollama",
        "ChatOllama",
        extra="ollama",
        home="http://127.0.0.1:11434",
        key="taken",
        json={"format": "json"},
        renamed={"max_tokens": "num_predict"},
        tools_closed=None,
    ),
    "openrouter": Provider(
        "langchain_openrouter", "ChatOpenRouter", extra="openrouter", home="https://openrouter.ai/api/v1"
    ),
    "perplexity": Provider("langchain_perplexity", "ChatPerplexity", extra="perplexity", json={}),
    "together": Provider("langchain_together", "ChatTogether", extra="together", home="https://api.together.xyz/v1/"),
    "upstage": Provider("langchain_upstage", "ChatUpstage", extra="upstage", home="https://api.upstage.ai/v1/solar"),
    "xai": Provider("langchain_xai", "ChatXAI", extra="xai", home="https://api.x.ai/v1/"),
}
"""What stands in `[models.<name>] provider`, as LangChain's `init_chat_model` calls it."""

LEFT_OUT: Mapping[str, str] = {
    "azure_ai": "its package holds others back; use azure_openai, or openai with the address of the endpoint",
    "google_anthropic_vertex": "its package does not fit the others; use anthropic",
    "google_vertexai": "its package does not fit the others; use google_genai",
    "huggingface": "it would run the model inside webot; serve it with vLLM or Ollama and use openai or ollama",
    "langsmith": "it is a gateway of LangChain's; use openai with its address",
    "litellm": "its package holds others back; run its proxy and use openai with the address of that",
}
"""What `init_chat_model` knows and webot does not offer, with the reason and the way out."""

_KEYS = ("api_key", "apikey", "cohere_api_key", "nvidia_api_key")
_ADDRESSES = ("azure_endpoint", "base_url", "endpoint_url", "url")
_VERBATIM = ("extra_body", "model_kwargs")
_TIMEOUTS = ("timeout", "request_timeout", "timeout_seconds")
_SECRET = re.compile(r"key|secret|password|credential|(session|auth|access)_token", re.IGNORECASE)
_ALIKE = 0.6


def _nearest(name: str, known: Collection[str]) -> str:
    """Return the question about the known name that was most likely meant, or nothing."""
    found = nearest(name, known, alike=_ALIKE)
    return Sentence("model_table.near", near=repr(found)) if found else ""


def unknown_name(found: str, known: Collection[str]) -> Sentence:
    """Return that a name is none of those there are, and which of them was most likely meant."""
    there = ", ".join(known) or "-"
    near = nearest(found, known, alike=_ALIKE)
    if near:
        return Sentence("model_table.unknown_near", found=repr(found), known=there, near=repr(near))
    return Sentence("model_table.unknown", found=repr(found), known=there)


def unusable(here: str, table: ModelTable, provider: Provider) -> list[str]:
    """Return what keeps a table of a provider from being used, as far as its package need not be loaded for it."""
    problems = []
    if find_spec(provider.module.partition(".")[0]) is None:
        wrong = Sentence(
            "model_table.package", name=table.provider, package=provider.package, extra=provider.extra or "-"
        )
        problems.append(placed(f"{here}.provider", wrong))
    if provider.key == "needed" and not table.api_key.get_secret_value():
        problems.append(placed(f"{here}.api_key", Sentence("model_table.no_key", name=table.provider)))
    return problems


def options_taken(provider: Provider) -> frozenset[str]:
    """Return the names of the options that a provider's class takes. Loads its package."""
    return _taken(_class(provider))


def make(
    here: str,
    table: ModelTable,
    own: Mapping[str, Any],
    *,
    proxy: str,
    client: httpx2.AsyncClient,
    without: Collection[str] = (),
) -> BaseChatModel:
    """Build a provider's model with a table's options and those of `own` before them. Loads its package, and blocks.

    Options that are named in `without` are left out of both.

    Raises `SettingsInvalid` naming each option that the class does not know or that is of a wrong type.
    """
    from langchain.chat_models import init_chat_model  # noqa: PLC0415 - half a second, and most need none of it

    provider = PROVIDERS[table.provider]
    chat = _class(provider)
    taken = _taken(chat)
    options = {key: value for key, value in {**table.own, **own}.items() if key not in without}
    wanted = {provider.renamed.get(key, key): value for key, value in options.items()}
    for key in _VERBATIM:
        if key in table.own and key in own:
            wanted[key] = {**table.own[key], **own[key]}
    unknown = sorted(wanted.keys() - taken)
    if unknown:
        said = "unknown_option_beside" if "model_kwargs" in taken else "unknown_option"
        raise SettingsInvalid(
            [
                placed(f"{here}.{key}", Sentence(f"model_table.{said}", kind=chat.__name__, near=_nearest(key, taken)))
                for key in unknown
            ]
        )
    given = _ours(here, provider, table, taken, proxy=proxy, client=client)
    try:
        with warnings.catch_warnings():
            # Advice for those who write Python.
            warnings.simplefilter("ignore")
            built: BaseChatModel = init_chat_model(table.model, model_provider=table.provider, **{**given, **wanted})
    except ValidationError as error:
        raise SettingsInvalid([_problem_line(here, dict(problem)) for problem in error.errors()]) from None
    _open(built, table, client)
    bound_clients(built)
    return built


def _ours(
    here: str, provider: Provider, table: ModelTable, taken: Collection[str], *, proxy: str, client: httpx2.AsyncClient
) -> dict[str, Any]:
    """Translate a table's keys into a class's own names: key, address, patience, repetitions, proxy."""
    address = table.base_url or provider.home
    key = table.key
    given: dict[str, Any] = {}
    if table.base_url and not _first(_ADDRESSES, taken):
        raise SettingsInvalid([placed(f"{here}.base_url", Sentence("model_table.no_address", kind=provider.chat))])
    # One class takes it without having a field for it.
    if key and (name := _first(_KEYS, taken) or ("api_key" if provider.key == "needed" else "")):
        # As text: what should be a secret there becomes one.
        given[name] = key
    if address and (name := _first(_ADDRESSES, taken)):
        given[name] = address
    if name := _first(_TIMEOUTS, taken):
        whole = {"bedrock", "ibm", "mistralai"}
        given[name] = round(table.timeout) or 1 if table.provider in whole else table.timeout
    if "max_retries" in taken:
        given["max_retries"] = table.max_retries
    if "stream_usage" in taken:
        given["stream_usage"] = True
    if {"http_async_client", "openai_proxy"} <= set(taken):
        # The OpenAI protocol in another dress: it takes the connections that ours has.
        given |= {"http_async_client": client, "openai_proxy": "", "stream_chunk_timeout": table.timeout}
        given |= {name: timeouts(table.timeout) for name in ("timeout", "request_timeout") if name in given}
    elif name := next((name for name in taken if name.endswith("_proxy")), ""):
        given[name] = proxy or None
    elif "client_kwargs" in taken:
        given["client_kwargs"] = {"timeout": table.timeout, "proxy": proxy or None, "trust_env": False}
        if key:
            given["client_kwargs"]["headers"] = {"Authorization": f"Bearer {key}"}
    return given


def _open(built: BaseChatModel, table: ModelTable, client: httpx2.AsyncClient) -> None:
    if table.provider == "anthropic":
        # It would share connections of its own with every model of this address, for ever, and heed HTTP_PROXY.
        sdk = importlib.import_module("anthropic")
        vars(built)["_async_client"] = sdk.AsyncAnthropic(
            api_key=table.key,
            base_url=table.base_url or PROVIDERS["anthropic"].home,
            timeout=timeouts(table.timeout),
            max_retries=table.max_retries,
            default_headers=table.own.get("default_headers"),
            http_client=client,
        )


def _class(provider: Provider) -> type[BaseChatModel]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: type[BaseChatModel] = getattr(importlib.import_module(provider.module), provider.chat)
    return found


def _taken(chat: type[BaseChatModel]) -> frozenset[str]:
    aliases = {found.alias for found in chat.model_fields.values() if found.alias}
    return frozenset(chat.model_fields.keys() | aliases)


def _first(names: Collection[str], taken: Collection[str]) -> str:
    return next((name for name in names if name in taken), "")


def _problem_line(here: str, problem: Mapping[str, Any]) -> str:
    place = ".".join(map(str, problem["loc"]))
    # Without a place, what was found is the whole table, key included.
    if not place:
        return f"{here}: {problem['msg']}"
    found = "" if _SECRET.search(place) else f"found {problem['input']!r}; "
    return f"{here}.{place}: {found}{problem['msg']}"
