"""Accounts in memory: what a test says was spent, and how often it was looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.events import Person
from pipeline.spending import ModelUsage, SpentTotals

NOTHING = SpentTotals()


@dataclass
class FakeAccounts:
    """Implements `Spending` for one person."""

    own: SpentTotals = NOTHING
    everybody: SpentTotals = NOTHING
    by_model: tuple[ModelUsage, ...] = ()
    looked: int = 0
    added: list[int] = field(default_factory=list)

    async def used(self, person: Person) -> Sequence[ModelUsage]:
        assert person.user
        return self.by_model

    async def paid(self, person: Person) -> SpentTotals:
        assert person.user
        self.looked += 1
        return self.own

    async def paid_by_all(self) -> SpentTotals:
        self.looked += 1
        unrecorded = sum(self.added)
        return SpentTotals(self.everybody.today + unrecorded, self.everybody.month + unrecorded)

    def paying(self, cost: int) -> None:
        self.added.append(cost)
