"""What the settings ask of chains: the models, channels and tools that a chain may name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chains.catalog.config import ChainConfig
from chains.catalog.diagnostics import key_name
from chains.catalog.options import option_problems
from chains.models.registry import ModelRegistry
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


def _keyed(key: str, found: str, known: "list[str] | tuple[str, ...]") -> Sentence:
    return Sentence("mistake.keyed", key=key, said=Sentence("mistake.found_other", found=found, known=", ".join(known)))
