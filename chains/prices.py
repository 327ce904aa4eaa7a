"""What answers cost, by the prices in the settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from chains.config import ChainConfig
from chains.heard import Heard
from pipeline.outcomes import Provenance, Took
from pipeline.settings import ModelTable

MILLION = 1_000_000

_LEAST = MILLION // 10_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost: given to the model, kept by the provider from an earlier call, answered.

    `call` is what each call costs beside them.
    """

    given: float = 0.0
    cached: float = 0.0
    answered: float = 0.0
    call: float = 0.0

    @classmethod
    def of(cls, table: ModelTable) -> "Price":
        """Read a table of `[models]`."""
        cached = table.cached_input_price or table.input_price
        return cls(table.input_price, cached, table.output_price, table.call_price)

    @property
    def free(self) -> bool:
        """Say whether nothing is known to be paid."""
        return not (self.given or self.answered or self.call)

    def cost(self, given: int, answered: int, *, cached: int = 0) -> int:
        """Give what a call costs in millionths of the currency, which is what one token's price is counted in."""
        known = min(cached, given)
        tokens = (given - known) * self.given + known * self.cached + answered * self.answered
        return round(tokens + self.call * MILLION)


def took(heard: Heard, price: Price, *, called: str) -> Took:
    """Give what a message took of the model that was called, or of the one that stood in for it."""
    cost = price.cost(heard.input_tokens, heard.output_tokens, cached=heard.cached_tokens)
    return Took(heard.model or called, heard.input_tokens, heard.output_tokens, cost)


def made_by(chain: ChainConfig, model: str, taken: Sequence[Took], *, milliseconds: int) -> Provenance:
    """Say how an answer came to be: by `model`, and with all that was taken for it."""
    beside: dict[str, Took] = {}
    for each in taken:
        if each.model != model:
            sums = beside.get(each.model, Took(each.model, 0, 0, 0))
            beside[each.model] = Took(
                each.model,
                sums.input_tokens + each.input_tokens,
                sums.output_tokens + each.output_tokens,
                sums.cost + each.cost,
            )
    return Provenance(
        chain=chain.name,
        revision=chain.revision,
        model=model,
        input_tokens=sum(each.input_tokens for each in taken),
        output_tokens=sum(each.output_tokens for each in taken),
        milliseconds=milliseconds,
        cost=sum(each.cost for each in taken),
        beside=tuple(beside.values()),
    )


def money(cost: int) -> str:
    """Write an amount, in millionths, as people read it."""
    if 0 < cost < _LEAST:
        return "<0.0001"
    return f"{cost / MILLION:,.2f}" if cost >= MILLION or not cost else f"{cost / MILLION:.4f}"
