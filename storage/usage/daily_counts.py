"""Counts per day how long answers took, what failed and what came twice: gathered, and written now and then."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from prometheus_client import Counter as PrometheusCounter
from sqlalchemy import Connection, Insert
from sqlalchemy.dialects import postgresql, sqlite

from pipeline import metrics
from pipeline.supervision import SupervisedLoop
from storage.database.engine import Database
from storage.database.tables import daily_counts
from storage.usage.batch import day_of

Measure = Literal["answered", "failed", "undelivered", "duplicate"]
Kind = Literal["day", "model", "table", "chain", "channel"]

FIRST_MILLISECONDS = 50.0
GROWTH = 1.15
"""Each step of time is by so much longer than the one before, so that a percentile is off by 7 % at most."""
LAST_BUCKET = 80

_WRITE_SECONDS = 15.0
_LONGEST_SUBJECT = 200

_Key = tuple[int, Measure, Kind, str, int]


def bucket_of(milliseconds: float) -> int:
    """Return the step of a time."""
    if milliseconds <= FIRST_MILLISECONDS:
        return 0
    return min(LAST_BUCKET, math.ceil(math.log(milliseconds / FIRST_MILLISECONDS, GROWTH)))


class DailyCounts:
    """Sums that this process has gathered, and adds to those of the database every few seconds.

    A process that is killed loses those of its last seconds, of which no answer and no bill depends.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._sums: Counter[_Key] = Counter()
        self._writing = asyncio.Lock()
        self._seen = _counted()
        self.loop = SupervisedLoop("daily counts", self._run)

    def start(self) -> None:
        """Begin to write."""
        self.loop.start()

    async def close(self) -> None:
        """Write what is gathered and stop; what cannot be written then is lost."""
        await self.loop.stop()
        try:
            await self.flush()
        except Exception:  # noqa: BLE001 -- the service ends: nothing hangs on these
            self._sums.clear()

    def answered(self, subjects: Mapping[Kind, str], milliseconds: int) -> None:
        """Count an answer for a day and for what it was given by, with the time it took."""
        self._add("answered", {"day": "", **subjects}, bucket_of(milliseconds))

    def failed(self, subjects: Mapping[Kind, str]) -> None:
        """Count an answer that could not be made; the day's own count is taken from the metrics."""
        self._add("failed", subjects, 0)

    async def flush(self) -> None:
        """Add what is gathered to the sums in the database.

        Raises:
            SQLAlchemyError: it cannot be written; it is tried again with the next.
        """
        async with self._writing:
            self._gather_metrics()
            sums, self._sums = self._sums, Counter()
            if not sums:
                return
            rows = [
                {"day": day, "measure": measure, "kind": kind, "subject": subject, "bucket": bucket, "count": count}
                # In one order for all, so that no two transactions wait for each other in a circle.
                for (day, measure, kind, subject, bucket), count in sorted(sums.items())
            ]
            try:
                await self._database.transact(lambda connection: _write(connection, rows))
            except BaseException:
                self._sums.update(sums)
                raise

    def _add(self, measure: Measure, subjects: Mapping[Kind, str], bucket: int, count: int = 1) -> None:
        day = day_of(self._clock())
        for kind, subject in subjects.items():
            self._sums[(day, measure, kind, subject[:_LONGEST_SUBJECT], bucket)] += count

    def _gather_metrics(self) -> None:
        now = _counted()
        for (measure, channel), value in now.items():
            if more := value - self._seen.get((measure, channel), 0):
                subjects: Mapping[Kind, str] = {"day": "", "channel": channel} if channel else {"day": ""}
                self._add(measure, subjects, 0, more)
        self._seen = now

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            await self.flush()


def _counted() -> Mapping[tuple[Measure, str], int]:
    """Return what the metrics count that is kept by day, by the channel where they know it."""
    found: Counter[tuple[Measure, str]] = Counter()
    for labels, value in _samples(metrics.DUPLICATES):
        found["duplicate", labels["channel"]] += value
    for labels, value in _samples(metrics.SENDS):
        if labels["outcome"] == "undelivered":
            found["undelivered", labels["channel"]] += value
    for _, value in _samples(metrics.MODEL_ERRORS):
        found["failed", ""] += value
    return found


def _samples(counter: PrometheusCounter) -> Sequence[tuple[Mapping[str, str], int]]:
    return [
        (sample.labels, int(sample.value))
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    ]


def _write(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(_statement(insert), list(rows))


@cache
def _statement(insert: Callable[..., postgresql.Insert | sqlite.Insert]) -> Insert:
    wanted = insert(daily_counts)
    return wanted.on_conflict_do_update(
        index_elements=["day", "measure", "kind", "subject", "bucket"],
        set_={"count": daily_counts.c.count + wanted.excluded["count"]},
    )
