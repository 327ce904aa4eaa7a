"""Reading the window of a conversation of 100,000 messages, beside one of 100."""

import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert

from benchmarks.harness import programme
from benchmarks.tables import Row, at_most, seen, table
from pipeline.events import Person
from storage.conversations.transcript import TranscriptStore
from storage.database.engine import Database, open_database
from storage.database.migrate import migrate
from storage.database.tables import conversations, messages, people
from tests.resilience.postgres import postgres

_SHORT, _LONG = 50, 50_000
"""Turns: a question and its answer each."""
_READS = 600
_TURNS = 10


async def main() -> None:
    """Run it, the two in turn, on each database."""
    with tempfile.TemporaryDirectory(prefix="webot-bench-") as folder:
        await _measure("SQLite", open_database(f"sqlite+aiosqlite:///{Path(folder)}/webot.db"))
    async with postgres() as server:
        await _measure("PostgreSQL", open_database(await server.database()))


async def _measure(name: str, database: Database) -> None:
    try:
        await migrate(database)
        short, long = await _talk(database, 1, _SHORT), await _talk(database, 2, _LONG)
        transcript = TranscriptStore(database)
        took: dict[Person, list[float]] = {short: [], long: []}
        for number in range(2 * _READS):
            person = (short, long)[number % 2]
            began = time.perf_counter()
            known = await transcript.load(person, turns=_TURNS, idle_minutes=0)
            took[person].append((time.perf_counter() - began) * 1000)
            assert len(known.exchanges) == _TURNS  # noqa: S101 -- what follows means nothing otherwise
        table(f"The latest {_TURNS} turns on {name}, median of {_READS}", _rows(took[short], took[long]))
    finally:
        await database.close()


def _rows(short: list[float], long: list[float]) -> list[Row]:
    few, many = statistics.median(short), statistics.median(long)
    return [
        at_most(f"{2 * _LONG:,} messages / {2 * _SHORT}", many / few, 1.3, "", digits=2),
        seen(f"of {2 * _SHORT}", few, "ms", digits=2),
        seen(f"of {2 * _LONG:,}", many, "ms", digits=2),
    ]


async def _talk(database: Database, number: int, turns: int) -> Person:
    person = Person("wecom", f"u{number}")
    common = {"channel": person.channel, "user": person.user}
    async with database.write() as connection:
        await connection.execute(
            insert(conversations).values(
                id=number, person=str(person), number=1, title="long", turns=turns, started_at=0.0, last_at=0.0
            )
        )
        await connection.execute(
            insert(people).values(person=str(person), conversation_id=number, conversations=1, **common)
        )
        for first in range(0, turns, 1000):
            rows = [
                {
                    "conversation_id": number,
                    "turn": turn + 1,
                    "role": role,
                    "content": "words " * 20,
                    "created_at": 0.0,
                    "trace": turn,
                }
                for turn in range(first, min(first + 1000, turns))
                for role in ("human", "ai")
            ]
            await connection.execute(insert(messages), rows)
    return person


if __name__ == "__main__":
    programme(main)
