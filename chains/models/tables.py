"""The tables of `[models]`: whose model each one is, who stands in for whom, and what is wrong with them."""

from collections.abc import Mapping

from chains.models.providers import LEFT_OUT, PROVIDERS, nearest, unusable
from pipeline.settings import ModelTable

DEFAULT = "default"
NOT_CHAT = frozenset({"image", "speech"})
"""Tables of models that draw, listen or speak; they answer nobody."""

OURS = ("demo", "openai")
"""Providers that no package of LangChain's has to bring."""

OUR_OWN = frozenset({"messages", "n", "stream", "stream_options"})
"""Options that nobody may set: an answer would not come as it is read here."""

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
        problems.append(f"{here}.provider: webot leaves {table.provider} out: {LEFT_OUT[table.provider]}")
    elif table.provider not in known:
        near = nearest(table.provider, known)
        problems.append(f"{here}.provider: found {table.provider!r}, there are {', '.join(known)}{near}")
    elif provider in PROVIDERS:
        problems += unusable(here, table, PROVIDERS[provider])
    if is_unreachable(table):
        problems.append(
            f"{here}.api_key: found nothing, {table.model!r} needs one; it belongs into .secrets.toml,"
            " unless base_url names a server that needs none"
        )
    if provider in {"openai", *PROVIDERS}:
        if not table.model:
            problems.append(f"{here}.model: found nothing, needs the provider's name for the model")
        if table.base_url and not table.base_url.startswith(("http://", "https://")):
            problems.append(f"{here}.base_url: found {table.base_url!r}, needs an http:// or https:// address")
        problems += [f"{here}.{key}: webot sets this itself; leave it out" for key in OUR_OWN & table.own.keys()]
    return problems


def _of_its_place(tables: Tables, name: str) -> list[str]:
    table = tables[name]
    here = f"[models.{name}]"
    problems = []
    if name in NOT_CHAT and table.fallbacks:
        problems.append(f"{here}.fallbacks: only models that answer have others behind them; leave it out")
    if name in NOT_CHAT and table.users:
        problems.append(f"{here}.users: only models that answer can be chosen; leave it out")
    if name in NOT_CHAT and (table.requests_per_minute or table.tokens_per_minute):
        problems.append(f"{here}: only models that answer have limits by the minute; leave them out")
    names = names_of(tables)
    problems += [
        f"{here}.fallbacks: found {fallback!r}, there are {', '.join(names)}"
        for fallback in table.fallbacks
        if fallback not in names
    ]
    if circle := _circle(tables, name, ()):
        problems.append(f"{here}.fallbacks: found a circle, {' → '.join(circle)}")
    return problems


def _circle(tables: Tables, name: str, above: tuple[str, ...]) -> tuple[str, ...]:
    if name in above:
        return (*above, name) if name == above[0] else ()
    for fallback in tables[name].fallbacks if name in tables else ():
        if circle := _circle(tables, fallback, (*above, name)):
            return circle
    return ()
