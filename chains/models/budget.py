"""Decides who may answer, by what was spent.

The model wanted, a cheaper one, or nobody until the budget is renewed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from time import time
from typing import Literal

import structlog

from chains.models.prices import MILLION, currency_name
from chains.models.registry import ModelRegistry
from chains.models.tables import NOT_CHAT
from pipeline import metrics
from pipeline.answer import Outcome, Provenance
from pipeline.errors import SettingsInvalid
from pipeline.events import Person
from pipeline.ports import AnswerRequest, Spending
from pipeline.replies import TextReply
from pipeline.settings import Budgets
from pipeline.spending import SpentTotals
from pipeline.text.i18n import Catalogue, Sentence
from pipeline.text.phrases import placed

log = structlog.get_logger()

Whose = Literal["person", "all"]
Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget with what of it is gone, in millionths; `renewed` is the day of renewal."""

    whose: Whose
    period: Period
    most: int
    paid: int
    renewed: date

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.paid >= self.most


class Budget:
    """The budgets of the settings; where there are none it looks at nothing."""

    def __init__(
        self,
        budgets: Budgets,
        *,
        models: ModelRegistry,
        spending: Spending | None,
        catalogue: Catalogue,
        clock: Callable[[], float] = time,
    ) -> None:
        """Check what the settings say; `SettingsInvalid` for a cheaper model that is none."""
        if budgets.cheaper and budgets.cheaper not in models.names:
            known = ", ".join(models.names)
            raise SettingsInvalid(
                [placed("[budgets].cheaper", Sentence("model_table.unknown", found=repr(budgets.cheaper), known=known))]
            )
        self.currency = currency_name(budgets.currency, catalogue)
        self.cheaper = budgets.cheaper
        self._models = models
        self._spending = spending
        self._catalogue = catalogue
        self._clock = clock
        self._person = _amounts(budgets.per_user_per_day, budgets.per_user_per_month)
        self._all = _amounts(budgets.per_day, budgets.per_month)
        self._warn_at = budgets.warn_at
        self._warned: dict[tuple[Period, str], date] = {}
        if (self._person or self._all) and all(models.free(name) for name in (*models.names, *NOT_CHAT)):
            log.warning("budget_without_prices", hint="set input_price and output_price of [models.*]")

    async def acquire(self, model: str, ask: AnswerRequest) -> str | Outcome:
        """Name the model that may answer in the place of `model`, or say in a sentence why none may."""
        if not self.cheaper:
            return await self.refusal(model, ask) or model
        spent = await self._in_the_way(model, ask.event.sender)
        if spent is None:
            return model
        _note(spent, ask, "cheaper")
        return self.cheaper

    async def refusal(self, model: str, ask: AnswerRequest) -> Outcome | None:
        """Return in a sentence why a model that nothing can stand in for may not be asked, or nothing if it may."""
        spent = await self._in_the_way(model, ask.event.sender)
        if spent is None:
            return None
        _note(spent, ask, "refused")
        return Outcome(
            (TextReply(self._catalogue.text(f"budget.{spent.whose}_{spent.period}", when=self.when(spent))),)
        )

    async def answering(self, model: str, person: Person) -> str:
        """Name the model that would answer, if any may."""
        return model if await self._in_the_way(model, person) is None else self.cheaper or model

    async def allows(self, model: str, person: Person) -> bool:
        """Whether a model itself may be asked."""
        return await self._in_the_way(model, person) is None

    async def _in_the_way(self, model: str, person: Person) -> Limit | None:
        if not (self._person or self._all) or model == self.cheaper or self._models.free(model):
            return None
        spent = [limit for limit in await self.limits(person) if limit.spent]
        # The one that lasts longest says when all is well again.
        return max(spent, key=lambda limit: limit.renewed, default=None)

    def paid(self, made_by: Provenance) -> None:
        """Count what an answer took, so that the next one of this process knows."""
        for each in made_by.usage:
            metrics.TOKENS.labels(made_by.chain, each.model, "given").inc(each.input_tokens)
            metrics.TOKENS.labels(made_by.chain, each.model, "answered").inc(each.output_tokens)
            if each.cost:
                metrics.COST.labels(made_by.chain, each.model).inc(each.cost / MILLION)
        if made_by.cost and self._all and self._spending is not None:
            self._spending.paying(made_by.cost)

    async def limits(self, person: Person) -> Sequence[Limit]:
        """Return every budget that holds for somebody."""
        if self._spending is None:
            return ()
        found: list[Limit] = []
        if self._person:
            found += self._limits("person", self._person, await self._spending.paid(person))
        if self._all:
            limits = self._limits("all", self._all, await self._spending.paid_by_all())
            self._warn(limits)
            found += limits
        return found

    def when(self, limit: Limit) -> str:
        """Return when a budget is renewed."""
        return self._catalogue.text("budget.when", date=limit.renewed.isoformat())

    def _limits(self, whose: Whose, amounts: Sequence[tuple[Period, int]], paid: SpentTotals) -> list[Limit]:
        today = datetime.fromtimestamp(self._clock(), UTC).astimezone().date()
        return [
            Limit(whose, "day", most, paid.today, today + timedelta(days=1))
            if period == "day"
            else Limit(whose, "month", most, paid.month, (today.replace(day=1) + timedelta(days=32)).replace(day=1))
            for period, most in amounts
        ]

    def _warn(self, limits: Sequence[Limit]) -> None:
        """Warn the operator once that everybody's budget ends, and once that it has ended."""
        for limit in limits:
            nearly = self._warn_at and limit.paid >= limit.most * self._warn_at
            event = "all_budget_spent" if limit.spent else "budget_nearly_spent" if nearly else ""
            if event and self._warned.get((limit.period, event)) != limit.renewed:
                self._warned[limit.period, event] = limit.renewed
                log.warning(event, period=limit.period, paid=limit.paid / MILLION, budget=limit.most / MILLION)


def _note(spent: Limit, ask: AnswerRequest, outcome: str) -> None:
    metrics.BUDGETS.labels(spent.whose, spent.period, outcome).inc()
    log.info("budget_spent", trace=ask.trace, whose=spent.whose, period=spent.period, outcome=outcome)


def _amounts(day: float, month: float) -> tuple[tuple[Period, int], ...]:
    wanted: tuple[tuple[Period, float], ...] = (("day", day), ("month", month))
    # Less than a millionth would be no budget at all.
    return tuple((period, max(1, round(amount * MILLION))) for period, amount in wanted if amount)
