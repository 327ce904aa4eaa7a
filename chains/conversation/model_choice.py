"""Chooses the model that answers a person: the chain's own, or the one chosen with `@model` while it is offered."""

from dataclasses import dataclass

from chains.catalog.config import ChainConfig
from chains.models.registry import ModelRegistry
from pipeline.events import Person


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What a person may choose between, and what they chose; all by the names of the settings."""

    own: str
    """The chain's own model."""
    offered: tuple[str, ...]
    chosen: str
    """Empty for the chain's own."""

    @property
    def answering(self) -> str:
        """Name the model that answers."""
        return self.chosen if self.chosen in self.offered else self.own

    @property
    def lapsed(self) -> bool:
        """Whether what was chosen is not offered any more: another model answers in its place."""
        return bool(self.chosen) and self.chosen not in self.offered

    @property
    def free(self) -> bool:
        """Whether there is anything to choose."""
        return any(name != self.own for name in self.offered)


def model_choice_for(models: ModelRegistry, chain: ChainConfig, person: Person, *, chosen: str = "") -> ModelChoice:
    """Look at the settings as they are now: what was chosen holds only as long as they offer it."""
    return ModelChoice(chain.model, models.offered_to(person.user), chosen)
