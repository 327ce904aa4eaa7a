"""Accounts in memory: what a test says was spent, and how often anybody looked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.events import Person
from pipeline.spending import Paid, Used

NOTHING = Paid()


@dataclass
class FakeAccounts:
    """Implements `Spending` for one person."""

    own: Paid = NOTHING
    everybody: Paid = NOTHING
    by_model: tuple[Used, ...] = ()
    looked: int = 0
    added: list[int] = field(default_factory=list)

    async def used(self, person: Person) -> Sequence[Used]:
        assert person.user
        return self.by_model

    async def paid(self, person: Person) -> Paid:
        assert person.user
        self.looked += 1
        return self.own

    async def paid_by_all(self) -> Paid:
        self.looked += 1
        return self.everybody

    def paying(self, cost: int) -> None:
        self.added.append(cost)
