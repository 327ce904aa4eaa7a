"""What answers cost, by the prices in the settings."""

from asyncio import CancelledError
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial, reduce

from chains.models.response import ModelCall, clamp_token_count
from pipeline.answer import ExchangeRecorded, FailedUsage, Outcome, Provenance, Step, TokenUsage
from pipeline.errors import add_wasted
from pipeline.settings import ModelTable
from pipeline.text.i18n import Catalogue

MILLION = 1_000_000

_LEAST = MILLION // 10_000
_SPEECH = "speech"


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
        """Whether nothing is known to be paid."""
        return not (self.given or self.answered or self.call)

    def cost(self, given: int, answered: int, *, cached: int = 0) -> int:
        """Return what a call costs in millionths of the currency, which is what one token's price is counted in."""
        known = min(cached, given)
        tokens = (given - known) * self.given + known * self.cached + answered * self.answered
        return round(tokens + self.call * MILLION)


def usage_of(call: ModelCall, price: Price) -> TokenUsage:
    """Return what a message took of the model that was called, or of the one that stood in for it."""
    cost = price.cost(call.input_tokens, call.output_tokens, cached=call.cached_tokens)
    return TokenUsage(call.model, call.input_tokens, call.output_tokens, cost, call.estimated)


def took_of(table: ModelTable, answer: object) -> TokenUsage:
    """Return what a call that gave no words took: the call, and the tokens where the provider counts them."""
    usage = answer.get("usage") if isinstance(answer, Mapping) else None
    given, answered = (
        clamp_token_count(count) if isinstance(usage, Mapping) and isinstance(count := usage.get(key), int) else 0
        for key in ("input_tokens", "output_tokens")
    )
    return TokenUsage(table.model, given, answered, Price.of(table).cost(given, answered))


def charged(outcome: Outcome, took: TokenUsage, *, by: str = _SPEECH) -> Outcome:
    """Return an outcome that also says what another model took for it, such as the one that listened.

    `by` is what the usage shows it under where no chain's answer has it.
    """
    if not _is_paid(took):
        return outcome
    if not any(isinstance(change, ExchangeRecorded) for change in outcome.changes):
        return replace(outcome, changes=(*outcome.changes, FailedUsage(alone(took, by=by))))
    changes = [
        replace(change, provenance=_with(change.provenance, took)) if isinstance(change, ExchangeRecorded) else change
        for change in outcome.changes
    ]
    return replace(outcome, changes=tuple(changes))


async def charging(
    steps: AsyncGenerator[Step], taken: Sequence[TokenUsage], *, by: str = _SPEECH
) -> AsyncGenerator[Step]:
    """Add what other models took to an answer, or to what ends it: it is paid all the same."""
    try:
        async with aclosing(steps):
            async for step in steps:
                yield reduce(partial(charged, by=by), taken, step) if isinstance(step, Outcome) else step
    except (Exception, CancelledError) as error:
        for took in taken:
            if _is_paid(took):
                add_wasted(error, FailedUsage(alone(took, by=by)))
        raise


def alone(took: TokenUsage, *, by: str = _SPEECH) -> Provenance:
    """Return what a model took, as the usage shows it where no chain's answer has it."""
    return Provenance(
        by, "", took.model, took.input_tokens, took.output_tokens, cost=took.cost, estimated=took.estimated
    )


def _is_paid(took: TokenUsage) -> bool:
    return bool(took.cost or took.input_tokens or took.output_tokens)


def _with(origin: Provenance, took: TokenUsage) -> Provenance:
    own = took.model == origin.model
    return replace(
        origin,
        input_tokens=origin.input_tokens + took.input_tokens,
        output_tokens=origin.output_tokens + took.output_tokens,
        cost=origin.cost + took.cost,
        other_usage=origin.other_usage if own else (*origin.other_usage, took),
        estimated=origin.estimated + took.estimated,
    )


def currency_name(code: str, catalogue: Catalogue) -> str:
    """Return what people call a currency; one no catalogue knows is called what the settings call it."""
    key = f"currency.{code.strip().upper()}"
    return catalogue.text(key) if catalogue.has(key) else code


def money(cost: int) -> str:
    """Write an amount, in millionths, as people read it."""
    if 0 < cost < _LEAST:
        return "<0.0001"
    return f"{cost / MILLION:,.2f}" if cost >= MILLION or not cost else f"{cost / MILLION:.4f}"
