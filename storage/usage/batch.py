"""What answers took, added up by person, day, chain and model as they are given."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Insert, func, select, true
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.answer import Provenance
from pipeline.events import Person
from storage.database.bulk import rows_parameter
from storage.database.tables import spending

_LARGEST_SUM = 10**18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


def day_of(at: float) -> int:
    """Return the number of the day, from 1970-01-01 on, by this machine's clock; `at` in seconds since 1970."""
    return datetime.fromtimestamp(at, UTC).astimezone().toordinal() - _EPOCH


def month_of(at: float) -> int:
    """Return the number of the first day of the month."""
    return datetime.fromtimestamp(at, UTC).astimezone().replace(day=1).toordinal() - _EPOCH


def number_of(day: date) -> int:
    """Return the number of a date's day."""
    return day.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """Return the date of a day's number."""
    return date.fromordinal(day + _EPOCH)


class UsageBatch:
    """What the answers of one batch took, gathered so that each sum is written once."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._sums: dict[tuple[str, str, str], list[int]] = {}

    def add(self, person: Person, made_by: Provenance, *, answers: int = 1) -> None:
        """Add an answer, or what was taken for none; where no model was asked there is nothing to add."""
        if not made_by.model:
            return
        for place, took in enumerate(made_by.usage):
            sums = self._sums.setdefault((str(person), made_by.chain, took.model), [0, 0, 0, 0, 0])
            # An answer is that of the model whose words it has.
            given = 0 if place else answers
            for column, more in enumerate((given, took.input_tokens, took.output_tokens, took.cost, took.estimated)):
                sums[column] += more

    def rows(self) -> list[dict[str, Any]]:
        """Return the sums in one order for all, so that no two transactions wait for each other in a circle."""
        if not self._sums:
            return []
        day = day_of(self._now)
        return [
            {
                "person": person,
                "day": day,
                "chain": chain,
                "model": model,
                "answers": answers,
                "input_tokens": taken,
                "output_tokens": given,
                "cost": cost,
                "estimated": estimated,
            }
            for (person, chain, model), (answers, taken, given, cost, estimated) in sorted(self._sums.items())
        ]


@cache
def add_up(insert_into: Callable[..., postgresql.Insert | sqlite.Insert]) -> Insert:
    """Return the statement that adds the rows of its parameter `spent` to what is there."""
    columns = spending.c.keys()
    # SQLite takes ON CONFLICT for a join's ON where nothing stands between.
    given = select(rows_parameter(spending, *columns, rows="spent")).where(true())
    wanted = insert_into(spending).from_select(columns, given)
    least = func.min if insert_into is sqlite.insert else func.least
    counted = ("answers", "input_tokens", "output_tokens", "cost", "estimated")
    return wanted.on_conflict_do_update(
        index_elements=["person", "day", "chain", "model"],
        # Bounded first: a row that was changed by hand must not refuse every answer for want of room.
        set_={name: least(spending.c[name], _LARGEST_SUM) + wanted.excluded[name] for name in counted},
    )
