"""What the settings ask of chains: the models, channels and tools that a chain may name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from chains.catalog.config import ChainConfig
from chains.catalog.diagnostics import key_name
from chains.catalog.options import option_problems
from chains.media.services import can_draw, can_speak
from chains.models.demo import NAME as DEMO
from chains.models.registry import ModelRegistry
from chains.models.tables import DEFAULT, provider_of
from chains.tooling.mcp import unknown_tools
from pipeline.settings import Settings
from pipeline.text.i18n import Sentence

Check = Callable[[ChainConfig], str]
"""Says what keeps a chain from being used here, such as a model that is not set up; nothing if all is well."""


def accept_all(_: ChainConfig) -> str:
    """Accept every chain."""
    return ""


@dataclass(frozen=True, slots=True)
class ChainRequirements:
    """What the settings ask of the chains: a check that each has to pass, and those that channels name."""

    check: Check = accept_all
    needed: frozenset[str] = frozenset()
    each: Callable[[ChainConfig], Iterator[str]] | None = None
    """Yields everything that `check` looks for, where more than the first is wanted."""

    def problems(self, chain: ChainConfig) -> list[str]:
        """Return everything that keeps a chain from being used."""
        if self.each is not None:
            return list(self.each(chain))
        return [wrong] if (wrong := self.check(chain)) else []


def requirements_of(settings: Settings, models: ModelRegistry) -> ChainRequirements:
    """Return what some settings, with their models, ask of the chains."""
    keys = frozenset(ChainConfig.model_fields)

    def each(chain: ChainConfig) -> Iterator[str]:
        for channel in sorted(set(chain.channels) - settings.channels.keys()):
            yield _keyed("channels", channel, sorted(settings.channels))
        for key, name in (("model", chain.model), ("chooser", chain.chooser or chain.model)):
            if name not in models.names and (key == "model" or chain.chooser):
                yield _keyed(key, name, models.names)
        yield from unknown_tools(chain.tools, settings)
        for path, said in option_problems(chain.options, keys):
            yield Sentence("mistake.keyed", key=key_name(path), said=said)

    def check(chain: ChainConfig) -> str:
        return next(each(chain), "")

    return ChainRequirements(check, frozenset(table.chain for table in settings.channels.values()), each)


def unmet_requests(chain: ChainConfig, chains: Mapping[str, ChainConfig], settings: Settings) -> Iterator[Sentence]:
    """Yield what a chain asks for in vain as long as the settings and the other chains are as they are."""
    named = {table.chain for table in settings.channels.values()}
    given = {name for other in chains.values() if other.name in named for name in other.hands_to}
    if not (chain.command or chain.keywords or chain.name in named | given):
        yield Sentence("mistake.keyed", key="command", said=Sentence("mistake.unreachable"))
    if "draw_picture" in chain.tools and not can_draw(settings, demo=provider_of(settings.models, DEFAULT) == DEMO):
        yield Sentence("mistake.keyed", key="tools", said=Sentence("mistake.nothing_draws"))
    if chain.spoken != "never" and not can_speak(settings):
        yield Sentence("mistake.keyed", key="spoken", said=Sentence("mistake.nothing_speaks"))


def _keyed(key: str, found: str, known: "list[str] | tuple[str, ...]") -> Sentence:
    return Sentence("mistake.keyed", key=key, said=Sentence("mistake.found_other", found=found, known=", ".join(known)))
