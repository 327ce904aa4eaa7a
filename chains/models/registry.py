"""Chat models from the settings, each built when it is first needed.

The providers beside OpenAI's protocol are in `chains/models/providers.py`; no other file names one.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import httpx2

from chains.models.configurable import CHAIN_OPTIONS, ConfigurableModel
from chains.models.demo import NAME, DemoChat
from chains.models.fallback import Candidate, ChatModel, CircuitBreaker, FallbackModel
from chains.models.openai.adaptations import Adaptation, AdaptationMemory
from chains.models.openai.openai_model import OPENAI, openai_model, options_of
from chains.models.openai.transport import open_client
from chains.models.prices import Price
from chains.models.providers import PROVIDERS, make
from chains.models.rate_limit import RateLimitedModel, RateLimiter, SlidingWindow
from chains.models.tables import (
    DEFAULT,
    NOT_CHAT,
    OURS,
    fallback_chain,
    is_left_empty,
    names_of,
    problems_of,
    provider_of,
)
from pipeline.errors import SettingsInvalid
from pipeline.events import ANY_USER
from pipeline.net import is_loopback_url
from pipeline.settings import ModelTable, Settings
from pipeline.text.i18n import Catalogue, Sentence
from pipeline.text.phrases import placed

ALLOW_REAL_MODELS = True
"""A fuse: tests set it to False, and then only models on this machine are called."""

SHARED_OPTIONS = "shared_options"
"""Under this name a call carries what also those that stand in for a model are told."""

NO_OPTIONS: Mapping[str, Any] = {}


class ModelRegistry:
    """The models of the settings, each built when it is first needed and shared by all who call it."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        *,
        rests: CircuitBreaker | None = None,
        before: "ModelRegistry | None" = None,
    ) -> None:
        """Check every table of `[models]`; `SettingsInvalid` names what is wrong with each.

        `before` are those of the former settings: what is known of a model whose table is the same is still known.
        """
        self._tables: Mapping[str, ModelTable] = {DEFAULT: ModelTable(), **settings.models}
        self._proxy = settings.network.proxy.get_secret_value()
        self._catalogue = catalogue
        self._built: dict[str, ChatModel] = {}
        self._clients: list[httpx2.AsyncClient] = []
        self._building = asyncio.Lock()
        same = set() if before is None else {name for name in self._tables if before.has(name, self._tables[name])}
        self._rests = rests or (CircuitBreaker() if before is None else before.circuit_breaker.restricted_to(same))
        self._adaptations = {
            name: AdaptationMemory(name) if before is None or name not in same else before.adaptations(name)
            for name in self._tables
        }
        self._prices = {
            name: Price() if provider_of(self._tables, name) == "demo" else Price.of(table)
            for name, table in self._tables.items()
        }
        self._gates = {
            name: self._rate_limiter(name, table, before)
            for name, table in self._tables.items()
            if table.requests_per_minute or table.tokens_per_minute
        }
        if problems := problems_of(self._tables):
            raise SettingsInvalid(problems)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the models that can be called, sorted."""
        return names_of(self._tables)

    @property
    def circuit_breaker(self) -> CircuitBreaker:
        """Return which models rest."""
        return self._rests

    def adaptations(self, name: str) -> AdaptationMemory:
        """Return what is known of what a model's server refuses."""
        return self._adaptations[name]

    def rate_limiter(self, name: str) -> RateLimiter | None:
        """Return what keeps calls to a model within its limits; None where there are none."""
        return self._gates.get(name)

    def has(self, name: str, table: ModelTable) -> bool:
        """Whether a model is set up in exactly this way."""
        return self._tables.get(name) == table

    @property
    def demo(self) -> bool:
        """Whether nobody has set a model up, so that the built-in one answers."""
        return provider_of(self._tables, DEFAULT) == "demo"

    def is_demo(self, name: str) -> bool:
        """Whether the built-in model answers for a table."""
        return name in self._tables and provider_of(self._tables, name) == "demo"

    def refuse_demo_after(self, former: "ModelRegistry") -> None:
        """Refuse, by `SettingsInvalid`, to have the demo answer where a model did, unless it was chosen by name.

        A file that was renamed or emptied must not have it answer everybody, quoting the instructions.
        """
        if not former.demo and is_left_empty(self._tables):
            former_name = repr(former.display_name(DEFAULT))
            problem = placed(f"[models.{DEFAULT}]", Sentence("model_table.not_the_demo", model=former_name))
            raise SettingsInvalid([problem])

    def sees(self, name: str) -> bool:
        """Whether a model can look at pictures; one that has refused them is not shown any for a while."""
        return self._tables[name].vision and Adaptation.PICTURES not in self._adaptations[name].active()

    def display_name(self, name: str) -> str:
        """Return what people know a model by: the provider's name for it, or `demo`."""
        return NAME if provider_of(self._tables, name) == "demo" else self._tables[name].model

    def price(self, name: str) -> Price:
        """Return what a model costs; the demo model costs nothing."""
        return self._prices.get(name, Price())

    def free(self, name: str) -> bool:
        """Whether a model costs nothing, nor any of those that stand in for it."""
        return name not in self._tables or all(self.price(each).free for each in fallback_chain(self._tables, name))

    @property
    def choosable(self) -> tuple[str, ...]:
        """Return the models that somebody may choose to be answered by, sorted."""
        return tuple(name for name in self.names if self._tables[name].users)

    def offered_to(self, user: str) -> tuple[str, ...]:
        """Return the models that a person may choose, sorted; user ids are compared without regard to case."""
        return tuple(name for name in self.choosable if _among(user, self._tables[name].users))

    def table_of(self, model: str) -> str:
        """Return the table that a provider's model belongs to, one that answers before one that draws; "" for none."""
        found = [
            name for name, table in self._tables.items() if model and model in (table.model, self.display_name(name))
        ]
        return min(found, key=lambda name: name in NOT_CHAT, default="")

    def title(self, name: str) -> str:
        """Return what people read for a model when they choose."""
        return self._tables[name].title or (self.display_name(name) if name == DEFAULT else name)

    def description(self, name: str) -> str:
        """Return the few words beside a model's title; empty where they would only repeat it."""
        about = self._tables[name].about or self.display_name(name)
        return "" if about == self.title(name) else about

    def check(self, name: str) -> None:
        """Refuse, by `SettingsInvalid`, a model that cannot be called."""
        if name not in self.names:
            raise SettingsInvalid([Sentence("model_table.not_set_up", found=repr(name), known=", ".join(self.names))])

    async def chat(self, name: str) -> ChatModel:
        """Return a model with its fallbacks; building one off the event loop takes a second, the first time."""
        if (model := self._built.get(name)) is not None:
            return model
        async with self._building:
            if name not in self._built:
                self.check(name)
                self._built[name] = await asyncio.to_thread(self._build, name)
        return self._built[name]

    def has_fallback_after(self, name: str, answered: str) -> bool:
        """Whether somebody stands behind the one of a model's line that answered."""
        return bool(self._after(name, answered))

    async def chat_after(self, name: str, answered: str) -> ChatModel:
        """Return those of a model's line that come after the one that answered.

        For an answer that says nothing: a call that fails goes to the next one by itself.
        """
        key = f"{name} after {answered}"
        async with self._building:
            if key not in self._built:
                self._built[key] = await asyncio.to_thread(self._build_line, name, self._after(name, answered))
        return self._built[key]

    async def without_fallbacks(self, name: str) -> ChatModel:
        """Return a model without those that stand in for it, and without anything known of it, to find out about it."""
        self.check(name)
        return await asyncio.to_thread(self._one, name, guesses=False)

    def options(self, name: str, own: Mapping[str, Any], shared: Mapping[str, Any] = NO_OPTIONS) -> dict[str, Any]:
        """Return what a call of a model says beside the messages when a chain has options.

        `own` are meant for this model alone, `shared` also for those that stand in for it: another provider's model
        may refuse the first, or mean something else by them.
        """
        if not (own or shared):
            return {}
        table = self._tables[name]
        if table.fallbacks:
            # Each of the line is told in its own way.
            return {CHAIN_OPTIONS: {**shared, **own}, SHARED_OPTIONS: dict(shared)}
        if provider_of(self._tables, name) not in OURS:
            return {CHAIN_OPTIONS: {**shared, **own}}
        return self._sent(table, {**shared, **own})

    def _sent(self, table: ModelTable, own: Mapping[str, Any]) -> dict[str, Any]:
        merged = options_of(table, {**table.own, **own})
        return {key: value for key, value in merged.items() if key in own or key == "extra_body"}

    def identity(self, name: str) -> str:
        """Name everything that decides what a model answers; the key is no part of it."""
        table = self._tables[name]
        about = {
            "provider": provider_of(self._tables, name),
            "model": table.model,
            "base_url": table.base_url,
            **table.own,
        }
        return json.dumps(about, ensure_ascii=False, sort_keys=True, default=str)

    def examine(self) -> None:
        """Refuse, by `SettingsInvalid`, options that models do not take. Loads their libraries, which blocks."""
        problems: list[str] = []
        for name in self.names:
            try:
                self._one(name)
            except SettingsInvalid as error:
                problems += error.problems
        if problems:
            raise SettingsInvalid(problems)

    def option_problems(self, name: str, own: Mapping[str, Any]) -> list[str]:
        """Return what a model's class does not take of a chain's options, each as `options.<key>: …`.

        Loads its library, which blocks; models of the OpenAI protocol are sent every option as it is.
        """
        table = self._tables.get(name)
        if not own or table is None or provider_of(self._tables, name) not in PROVIDERS:
            return []
        provider = PROVIDERS[table.provider]
        client = self._client(name, table.base_url or provider.home)
        try:
            make("options", table, own, proxy="", client=client)
        except SettingsInvalid as error:
            keys = tuple(f"options.{named}" for key in own for named in (key, provider.renamed.get(key, key)))
            return [problem for problem in error.problems if problem.startswith(keys)]
        return []

    async def warm(self, names: Iterable[str]) -> None:
        """Build models before they are needed."""
        for name in names:
            await self.chat(name)

    async def aclose(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, []
        self._built.clear()
        for client in clients:
            await client.aclose()

    def _build(self, name: str) -> ChatModel:
        names = fallback_chain(self._tables, name)
        return self._build_line(name, names)

    def _after(self, name: str, answered: str) -> Sequence[str]:
        line = fallback_chain(self._tables, name)
        return line[line.index(answered) + 1 :] if answered in line else ()

    def _build_line(self, name: str, names: Sequence[str]) -> ChatModel:
        # Who has somebody behind it does not let people wait for longer than a call may take.
        last = names[-1]
        line = [
            Candidate(each, self._rate_limited(each, alone=each == last), self._suiting(each, own=each == name))
            for each in names
        ]
        return FallbackModel(line, self._rests) if len(line) > 1 or names[0] != name else line[0].model

    def _rate_limiter(self, name: str, table: ModelTable, before: "ModelRegistry | None") -> RateLimiter:
        former = None if before is None else before.rate_limiter(name)
        limits = (table.requests_per_minute, table.tokens_per_minute)
        return RateLimiter(name, SlidingWindow(*limits)) if former is None else former.with_limits(*limits)

    def _rate_limited(self, name: str, *, alone: bool) -> ChatModel:
        model, table = self._one(name), self._tables[name]
        gate = self.rate_limiter(name)
        if gate is None:
            return model
        return RateLimitedModel(model, gate, limit=table.own.get("max_tokens"), most=None if alone else table.timeout)

    def _suiting(self, name: str, *, own: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """Return how a call to a line is put to one who stands in it; `own` is whether it is the chain's own model."""
        table = self._tables[name]
        ours = provider_of(self._tables, name) in OURS

        def suit(call: dict[str, Any]) -> dict[str, Any]:
            if CHAIN_OPTIONS not in call:
                return call
            options = call[CHAIN_OPTIONS if own else SHARED_OPTIONS]
            beside = {key: value for key, value in call.items() if key not in {CHAIN_OPTIONS, SHARED_OPTIONS}}
            if not options:
                return beside
            return {**(self._sent(table, options) if ours else {CHAIN_OPTIONS: options}), **beside}

        return suit

    def _one(self, name: str, *, guesses: bool = True) -> ChatModel:
        table = self._tables[name]
        memory = self._adaptations[name] if guesses else AdaptationMemory(name, guesses=False)
        match provider_of(self._tables, name):
            case "demo":
                return DemoChat(catalogue=self._catalogue)
            case "openai":
                client = self._client(name, table.base_url or OPENAI)
                return openai_model(f"[models.{name}]", table, client, memory)
            case other:
                address = table.base_url or PROVIDERS[other].home
                client = self._client(name, address)
                proxy = "" if is_loopback_url(address) else self._proxy
                return ConfigurableModel(
                    name,
                    PROVIDERS[other],
                    lambda own, without: make(
                        f"[models.{name}]", table, own, proxy=proxy, client=client, without=without
                    ),
                    own=table.own,
                    seconds=table.timeout,
                    adaptations=memory,
                )

    def _client(self, name: str, address: str) -> httpx2.AsyncClient:
        local = is_loopback_url(address)
        if not (local or ALLOW_REAL_MODELS):
            where = address or f"the own address of {self._tables[name].provider}"
            message = f"[models.{name}]: the fuse is out, {where} is not on this machine"
            raise RuntimeError(message)
        # A model on this machine is not reached through the company's proxy.
        client = open_client(proxy="" if local else self._proxy)
        self._clients.append(client)
        return client


def _among(user: str, users: Iterable[str]) -> bool:
    return any(each == ANY_USER or each.casefold() == user.casefold() for each in users)
