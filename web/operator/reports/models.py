"""The models of the settings as operators see them, and what asking one shows: for the shell, the console, the API."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from chains.evaluation.media_probe import MediaExamination, examine_media_model
from chains.evaluation.probe import Found, ModelProbe, Throughput
from chains.media.services import IMAGE, SPEECH, is_configured
from chains.models.demo import NAME as DEMO
from chains.models.registry import ModelRegistry
from chains.models.tables import NOT_CHAT
from chains.router import Chains
from pipeline.settings import ModelTable, Settings
from pipeline.text.i18n import Catalogue, Sentence
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
class MediaModelView:
    """A table under [models] that no chain asks: the model that draws, or the one that listens and reads aloud."""

    name: Literal["image", "speech"]
    model: str
    host: str
    """Where it is asked; empty for the provider's own address."""
    state: Literal["on", "demo", "off"]
    """Whether it is asked, the built-in demo stands in, or nothing does its work."""
    speaking_model: str
    """The one that reads answers aloud, empty for none."""
    call_price: float
    layer: str = ""
    """The file or variable that says where it is asked."""


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


def media_model_views(settings: Settings, chains: Chains, layers: Layers) -> Sequence[MediaModelView]:
    """Return the models for pictures and for speech, whether they are set up or not."""
    return [_media_view(name, settings, chains, layers) for name in (IMAGE, SPEECH)]


def can_be_examined(settings: Settings, models: ModelRegistry, name: str) -> bool:
    """Whether a name is that of a model that answers, or of one for pictures or speech that is set up."""
    return is_configured(settings, name) if name in NOT_CHAT else name in models.names


async def examine_model(
    settings: Settings, models: ModelRegistry, name: str, words: Catalogue
) -> ModelExamination | MediaExamination:
    """Ask a model: how fast it answers, whether it uses tools and sees pictures, draws or listens. Costs a few tokens.

    Raises:
        SettingsInvalid: it is not set up.
    """
    if name in NOT_CHAT and is_configured(settings, name):
        return await examine_media_model(settings, name, words)
    probe = await ModelProbe.of(models, name, words)
    pace = await probe.measure()
    if pace.error:
        return ModelExamination(pace)
    return ModelExamination(pace, await probe.uses_tools(), await probe.sees())


def media_findings(examined: MediaExamination) -> list[Sentence]:
    """Return what a model for pictures or speech did, a sentence for each."""
    took = f"{examined.milliseconds / 1000:.1f}"
    if examined.picture:
        return [Sentence("console.models_drew", took=took, size=examined.picture)]
    found = []
    if examined.speaking_model:
        spoke = f"{examined.speaking_milliseconds / 1000:.1f}"
        found.append(Sentence("console.models_spoke", took=spoke, model=examined.speaking_model))
    heard = "console.models_heard" if examined.heard else "console.models_heard_nothing"
    return [*found, Sentence(heard, took=took, text=examined.heard)]


async def examine_model_of(settings: Settings, name: str) -> ModelExamination | MediaExamination:
    """Ask a model of some settings, without a service."""
    words = await asyncio.to_thread(Catalogue, settings.chat.language)
    models = await asyncio.to_thread(ModelRegistry, settings, words)
    try:
        return await examine_model(settings, models, name, words)
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


def _media_view(name: Literal["image", "speech"], settings: Settings, chains: Chains, layers: Layers) -> MediaModelView:
    table = settings.models.get(name, ModelTable())
    state: Literal["on", "demo", "off"] = "on" if is_configured(settings, name) else "off"
    if state == "off" and name == IMAGE and (chains.models.demo or table.provider == DEMO):
        state = "demo"
    origins = (layers.origin(("models", name, key)) for key in ("base_url", "api_key", "model"))
    return MediaModelView(
        name=name,
        model=table.model,
        host=urlsplit(table.base_url).hostname or "",
        state=state,
        speaking_model=str(table.own.get("speaking_model", "")),
        call_price=table.call_price,
        layer=next(filter(None, origins), "") if state == "on" else "",
    )
