"""The models of the settings as operators see them, and what asking one shows: for the shell, the console, the API."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from chains.evaluation.probe import Found, ModelProbe, Throughput
from chains.models.registry import ModelRegistry
from chains.router import Chains
from pipeline.settings import ModelTable, Settings
from pipeline.text.i18n import Catalogue
from web.settings.layers import Layers


@dataclass(frozen=True, slots=True)
class ModelView:
    """A table under [models]; prices are for a million tokens, in the currency of the settings."""

    name: str
    model: str
    provider: str
    host: str
    """Where it is asked; empty for the provider's own address."""
    is_demo: bool
    is_resting: bool
    """Whether it is left alone for a while after failures, and its fallbacks answer."""
    fallbacks: tuple[str, ...]
    input_price: float
    output_price: float
    users: tuple[str, ...]
    """Who may choose it by @model."""
    chains: tuple[str, ...]
    layer: str = ""
    """The file or variable that names the model."""


@dataclass(frozen=True, slots=True)
class ModelExamination:
    """What a model showed when it was asked; `tools` and `vision` are not asked of one that fails."""

    pace: Throughput
    tools: Found = "failed"
    vision: Found = "failed"


def model_views(settings: Settings, chains: Chains, layers: Layers) -> Sequence[ModelView]:
    """Return every model, in the order of the settings."""
    models = chains.models
    used = {name: config.model for name, config in chains.catalog.chains.items()}
    return [
        replace(
            _view(
                name, settings.models.get(name), models, tuple(chain for chain, model in used.items() if model == name)
            ),
            layer=layers.origin(("models", name, "model")),
        )
        for name in models.names
    ]


async def examine_model(models: ModelRegistry, name: str, words: Catalogue) -> ModelExamination:
    """Ask a model: how fast it answers, whether it uses tools and sees pictures. Costs a few tokens.

    Raises:
        SettingsInvalid: it is not set up.
    """
    probe = await ModelProbe.of(models, name, words)
    pace = await probe.measure()
    if pace.error:
        return ModelExamination(pace)
    return ModelExamination(pace, await probe.uses_tools(), await probe.sees())


async def examine_model_of(settings: Settings, name: str) -> ModelExamination:
    """Ask a model of some settings, without a service."""
    words = await asyncio.to_thread(Catalogue, settings.chat.language)
    models = await asyncio.to_thread(ModelRegistry, settings, words)
    try:
        return await examine_model(models, name, words)
    finally:
        await models.aclose()


def _view(name: str, table: ModelTable | None, models: ModelRegistry, chains: tuple[str, ...]) -> ModelView:
    table = table or ModelTable()
    return ModelView(
        name=name,
        model=models.display_name(name),
        provider=table.provider,
        host=urlsplit(table.base_url).hostname or "",
        is_demo=models.is_demo(name),
        is_resting=models.circuit_breaker.is_open(name),
        fallbacks=table.fallbacks,
        input_price=table.input_price,
        output_price=table.output_price,
        users=table.users,
        chains=chains,
    )
