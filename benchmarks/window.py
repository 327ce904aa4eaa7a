"""Recalling the window of a conversation of 100,000 messages, beside one of 100, in one database."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from sqlalchemy import insert

from benchmarks.harness import programme
from benchmarks.tables import Row, seen, table
from pipeline.events import Person
from storage.engine import Database, open_database
from storage.migrate import migrate
from storage.tables import conversations, messages, people
from storage.transcript import Transcript

_SHORT, _LONG = Person("wecom", "short"), Person("wecom", "long")
_MESSAGES = {_SHORT: 100, _LONG: 100_000}
_ROUNDS = 400
_BATCH = 10_000
_TURNS = 10


async def main() -> None:
    """Run it."""
    with tempfile.TemporaryDirectory(prefix="webot-bench-") as folder:
        database = await asyncio.to_thread(open_database, f"sqlite:///{Path(folder)}/webot.db")
        await migrate(database)
        for number, (person, count) in enumerate(_MESSAGES.items(), start=1):
            await _fill(database, person, number, count)
        transcript = Transcript(database)
        spent: dict[Person, list[float]] = {_SHORT: [], _LONG: []}
        for _ in range(_ROUNDS):
            # In turn, so that a slow moment of the machine meets both.
            for person, times in spent.items():
                began = time.perf_counter()
                recalled = await transcript.recall(person, turns=_TURNS, idle_minutes=0)
                times.append(time.perf_counter() - began)
                if len(recalled.exchanges) != _TURNS:
                    raise RuntimeError("the window is not whole")
        await database.close()
    short, long = (median(spent[person]) * 1000 for person in (_SHORT, _LONG))
    ratio = long / short
    table(
        f"The last {_TURNS} turns, median of {_ROUNDS}",
        [
            seen("of 100 messages", short, "ms", digits=2),
            seen("of 100,000 messages", long, "ms", digits=2),
            Row("ratio", f"{ratio:.2f}", "(at most 1.3)", holds=ratio <= 1.3),
        ],
    )


async def _fill(database: Database, person: Person, number: int, count: int) -> None:
    turns = count // 2
    async with database.write() as connection:
        await connection.execute(
            insert(conversations).values(
                id=number, person=str(person), number=1, title="", turns=turns, started_at=0.0, last_at=time.time()
            )
        )
        await connection.execute(
            insert(people).values(
                person=str(person), channel=person.channel, user=person.user, conversation_id=number, conversations=1
            )
        )
        for begin in range(0, turns, _BATCH):
            said = [
                {
                    "conversation_id": number,
                    "turn": turn,
                    "role": role,
                    "content": f"第{turn}句话，不长也不短，就像平常人说的那样。",
                    "created_at": 0.0,
                    "trace": turn,
                }
                for turn in range(begin + 1, min(begin + _BATCH, turns) + 1)
                for role in ("human", "ai")
            ]
            await connection.execute(insert(messages), said)


if __name__ == "__main__":
    programme(main)
