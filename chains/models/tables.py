"""The tables of `[models]`: whose model each one is, who stands in for whom, and what is wrong with them."""

import re
from collections.abc import Iterator, Mapping

from chains.models.openai.base_url import address_doubt, address_problem
from chains.models.option_types import unfit_option, unsendable
from chains.models.providers import LEFT_OUT, PROVIDERS, unknown_name, unusable
from pipeline.settings import ModelTable
from pipeline.text.credentials import shown_address
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import placed

DEFAULT = "default"
NOT_CHAT = frozenset({"image", "speech"})
"""Tables of models that draw, listen or speak; they answer nobody."""

OURS = ("demo", "openai")
"""Providers that no package of LangChain's has to bring."""

OUR_OWN = frozenset({"messages", "n", "stream", "stream_options"})
"""Options that nobody may set: an answer would not come as it is read here."""

_READ_AS_NUMBERS = frozenset({"temperature", "top_p", "frequency_penalty", "presence_penalty", "seed"})
"""Options that the client takes in quotes as well."""

Tables = Mapping[str, ModelTable]
"""Each table by its name; `default` is always there."""


def provider_of(tables: Tables, name: str) -> str:
    """Name who answers for a table; empty for one that nobody has filled in."""
    table = tables[name]
    if table.provider == "openai" and not (table.api_key.get_secret_value() or table.base_url):
        return "demo" if name == DEFAULT else ""
    return table.provider


def is_unreachable(table: ModelTable) -> bool:
    """Whether a table names a model, but neither key nor address: most likely the file with its key is not there."""
    return bool(table.provider == "openai" and table.model) and not (table.api_key.get_secret_value() or table.base_url)


def is_left_empty(tables: Tables) -> bool:
    """Whether the built-in model answers because nobody has filled in `[models.default]`, not because it was chosen."""
    return provider_of(tables, DEFAULT) == "demo" and tables[DEFAULT].provider != "demo"


def names_of(tables: Tables) -> tuple[str, ...]:
    """Return the names of the models that can be called, sorted."""
    return tuple(sorted(name for name in tables if name not in NOT_CHAT and provider_of(tables, name)))


def fallback_chain(tables: Tables, name: str) -> tuple[str, ...]:
    """Return a model and all that stand in for it, each once, in the order in which they are tried."""
    line = dict.fromkeys((name,))
    for fallback in tables[name].fallbacks:
        line |= dict.fromkeys(fallback_chain(tables, fallback))
    return tuple(line)


def problems_of(tables: Tables) -> list[str]:
    """Return every problem, each with its table and key."""
    return [problem for name in tables for problem in (*_of_its_provider(tables, name), *_of_its_place(tables, name))]


def _of_its_provider(tables: Tables, name: str) -> list[str]:
    table = tables[name]
    here = f"[models.{name}]"
    known = OURS if name in NOT_CHAT else (*OURS, *PROVIDERS)
    problems = []
    provider = provider_of(tables, name)
    if table.provider in LEFT_OUT:
        why = LEFT_OUT[table.provider]
        problems.append(placed(f"{here}.provider", Sentence("model_table.left_out", name=table.provider, why=why)))
    elif table.provider not in known:
        problems.append(placed(f"{here}.provider", unknown_name(table.provider, known)))
    elif provider in PROVIDERS:
        problems += unusable(here, table, PROVIDERS[provider])
    if is_unreachable(table):
        problems.append(placed(f"{here}.api_key", Sentence("model_table.unreachable", model=repr(table.model))))
    if provider in {"openai", *PROVIDERS}:
        if not table.model:
            problems.append(placed(f"{here}.model", Sentence("model_table.no_model")))
        if table.base_url and (wrong := _address_problem(provider, table.base_url)) is not None:
            problems.append(placed(f"{here}.base_url", wrong))
        problems += [placed(f"{here}.{key}", Sentence("model_table.ours")) for key in OUR_OWN & table.own.keys()]
        problems += _of_its_options(here, table, typed=provider == "openai" and name not in NOT_CHAT)
    return problems


def _of_its_options(here: str, table: ModelTable, *, typed: bool) -> Iterator[str]:
    """Yield what no server could be sent, or, of those that are `typed`, does not take for an option."""
    for key, value in table.own.items():
        if key in _READ_AS_NUMBERS and isinstance(value, str) and re.fullmatch(r"-?\d+(?:\.\d+)?", value):
            continue
        found = unfit_option(key, value, (key,)) if typed else unsendable((value,), (key,))
        for path, wrong in found:
            yield placed(".".join((here, *map(str, path if typed else path[:1]))), wrong)


def _address_problem(provider: str, address: str) -> Sentence | None:
    if provider == "openai":
        return address_problem(address)
    is_possible = address.startswith(("http://", "https://"))
    return None if is_possible else Sentence("model_table.no_scheme", found=repr(shown_address(address)))


def address_doubts(tables: Tables) -> list[str]:
    """Return for each address that may be incomplete what was most likely meant."""
    doubts = []
    for name, table in tables.items():
        if table.base_url and provider_of(tables, name) == "openai" and not address_problem(table.base_url):
            doubt = address_doubt(table.base_url)
            doubts += [placed(f"[models.{name}].base_url", doubt)] if doubt is not None else []
    return doubts


def _of_its_place(tables: Tables, name: str) -> list[str]:
    table = tables[name]
    here = f"[models.{name}]"
    problems = []
    if name in NOT_CHAT and table.fallbacks:
        problems.append(placed(f"{here}.fallbacks", Sentence("model_table.fallbacks")))
    if name in NOT_CHAT and table.users:
        problems.append(placed(f"{here}.users", Sentence("model_table.users")))
    if name in NOT_CHAT and (table.requests_per_minute or table.tokens_per_minute):
        problems.append(placed(here, Sentence("model_table.limits")))
    names = names_of(tables)
    problems += [
        placed(f"{here}.fallbacks", unknown_name(fallback, names))
        for fallback in table.fallbacks
        if fallback not in names
    ]
    if circle := _circle(tables, name, ()):
        problems.append(placed(f"{here}.fallbacks", Sentence("model_table.circle", circle=" → ".join(circle))))
    return problems


def _circle(tables: Tables, name: str, above: tuple[str, ...]) -> tuple[str, ...]:
    if name in above:
        return (*above, name) if name == above[0] else ()
    for fallback in tables[name].fallbacks if name in tables else ():
        if circle := _circle(tables, fallback, (*above, name)):
            return circle
    return ()
