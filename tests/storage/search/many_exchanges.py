"""A PostgreSQL with many exchanges, in which every filter has values of all ages, and a count of the rows a page reads.

Of `COUNT` exchanges the oldest is all that there is of `single`, three quarters are `former`, the newest `present`.
Besides, every other one is of revision and tool `even`, the rest of `odd`.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.conversations.ratings import adopt_ratings
from storage.database.engine import Database
from storage.terms.index_builder import IndexBuilder

COUNT = 48_000
FORMER = 36_000
DAY = 86_400
BEGINNING = 1_750_032_000
"""A midnight of UTC, when the first but one was said; the very first was thirty days before."""
A_DAY = 480
"""Exchanges a day."""

_STEP = 2000
"""Exchanges a statement, so that a busy machine has the time for it."""
_AGE = f"CASE WHEN n = 1 THEN 'single' WHEN n <= {FORMER} THEN 'former' ELSE 'present' END"
_SIDE = "CASE WHEN n = 1 THEN 'single' WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END"
_AT = f"CASE WHEN n = 1 THEN {BEGINNING - 30 * DAY} ELSE {BEGINNING} + (n - 2) / {A_DAY} * {DAY} + 60 END"
# A conversation of each age, and its group.
_TALK = f"CASE WHEN n = 1 THEN 1 WHEN n <= {FORMER} THEN 2 ELSE 3 END"
_TALKS = (
    "INSERT INTO conversations (id, person, number, title, persona, turns, started_at, last_at) "
    "SELECT n, age || '/group:' || age, 1, age, '', 1, 0, 0 "
    "FROM (VALUES (1, 'single'), (2, 'former'), (3, 'present')) AS t (n, age)"
)
_TOOLS = f"""CAST(jsonb_build_array(jsonb_build_object(
    'name', {_SIDE}, 'arguments', '{{}}', 'outcome', CASE WHEN n = 1 THEN 'timeout' ELSE 'done' END
)) AS text)"""
_COLUMNS = (
    "id, conversation_id, turn, role, speaker, content, media, aside, created_at, trace, input_tokens, output_tokens"
)
_MADE = f"{_TALK}, n, '{{role}}', {_AGE} || '/' || {_AGE}, {{content}}, '[]', false, {_AT}, n, 0, 0"
_QUESTIONS = f"""
INSERT INTO messages ({_COLUMNS}, chain, revision, model, milliseconds)
SELECT 2 * n, {_MADE.format(role="human", content="'问题'")}, '', '', '', 0
FROM generate_series(CAST(:first AS integer), :first + {_STEP - 1}) AS n
"""  # noqa: S608 -- of constants
_ANSWERS = f"""
INSERT INTO messages ({_COLUMNS}, chain, revision, model, milliseconds, tools, rating)
SELECT 2 * n + 1, {_MADE.format(role="ai", content=f"'said ' || {_AGE} || ' 甲乙丙甲丙乙'")},
    {_AGE}, {_SIDE}, {_AGE}, 0, {_TOOLS}, CASE WHEN n = 1 THEN -1 WHEN n <= {FORMER} THEN 1 ELSE 0 END
FROM generate_series(CAST(:first AS integer), :first + {_STEP - 1}) AS n
"""  # noqa: S608 -- as above


async def fill(database: Database) -> None:
    """Write everything, and index it."""
    async with database.write() as connection:
        await connection.execute(text(_TALKS.replace(":", r"\:")))
        for statement in (_QUESTIONS, _ANSWERS):
            for first in range(1, COUNT + 1, _STEP):
                await connection.execute(text(statement), {"first": first})
    await adopt_ratings(database)
    await IndexBuilder(database, pause=lambda _: 0.0, batch=4000).build()


class Reads:
    """What was read from tables and indexes, found out by running each statement once more."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any]] = []

    async def rows(self, connection: AsyncConnection) -> int:
        """Return how many rows all scans found or passed over."""
        total = 0
        for statement, parameters in self.statements:
            explained = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            (whole,) = explained.scalar_one()
            total += sum(_rows_of(whole["Plan"]))
        return total


@asynccontextmanager
async def reads_noted(database: Database) -> AsyncIterator[Reads]:
    """Note the statements by which the block reads."""
    noted = Reads()

    def note(*given: Any) -> None:  # noqa: ANN401 -- as SQLAlchemy calls it
        _, _, statement, parameters, *_ = given
        noted.statements.append((statement, parameters))

    async with database.read() as connection:
        engine = connection.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _rows_of(plan: Mapping[str, Any]) -> Iterator[int]:
    if "Scan" in plan["Node Type"] and plan["Node Type"] not in ("Function Scan", "CTE Scan", "WorkTable Scan"):
        passed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        yield round((plan["Actual Rows"] + passed) * plan["Actual Loops"])
    for below in plan.get("Plans", ()):
        yield from _rows_of(below)
