"""Listing, filtering and searching 100,000 conversations of 1,000,000 messages, on SQLite and PostgreSQL."""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import insert, make_url

from benchmarks.harness import programme
from benchmarks.tables import Row, at_most, seen, table
from storage.conversations.ratings import adopt_ratings
from storage.database.bulk import insert_rows
from storage.database.engine import Database, open_database
from storage.database.migrate import migrate
from storage.database.tables import conversations, messages, people
from storage.search.exchange_filter import ExchangeFilter
from storage.search.exchange_list import list_exchanges
from storage.terms.index_builder import IndexBuilder
from tests.resilience.postgres import postgres

_TURNS = 5
_PEOPLE = 2000
_DAY = 86400.0
_BEGINNING = 1_760_000_000.0
_REPEATS = 5
_SIGNS = [chr(0x4E00 + number) for number in range(3000)]
_WEIGHTS = list(accumulate(1 / (number + 5) for number in range(len(_SIGNS))))
_RARE = "鑫淼"
_COMMON = _SIGNS[0] + _SIGNS[1]
_GIN = "ix_exchange_terms_terms"


async def main() -> None:
    """Fill and measure each database."""
    options = argparse.ArgumentParser()
    options.add_argument("--conversations", type=int, default=100_000)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    given = options.parse_args()
    if given.database != "postgresql":
        with tempfile.TemporaryDirectory(prefix="webot-bench-") as folder:
            await _measure("SQLite", f"sqlite+aiosqlite:///{Path(folder)}/webot.db", given.conversations)
    if given.database != "sqlite":
        async with postgres() as server:
            await _measure("PostgreSQL", await server.database(), given.conversations)


async def _measure(name: str, url: str, talks: int) -> None:
    database = open_database(url)
    try:
        await migrate(database)
        began = time.perf_counter()
        await _fill(database, talks)
        filled = time.perf_counter()
        await _build_index(database, url)
        built = time.perf_counter()
        rows = [seen("filled", filled - began, "s"), seen("index built", built - filled, "s")]
        for what, wanted in _wanted():
            rows.append(await _first_page(database, what, wanted))
        table(f"First pages of {talks:,} conversations, {2 * _TURNS * talks:,} messages on {name}", rows)
    finally:
        await database.close()


async def _build_index(database: Database, url: str) -> None:
    """Build the index; PostgreSQL's at once when the rows are there, for row by row it takes most of an hour."""
    builder = IndexBuilder(database, pause=lambda _: 0.0, batch=400)
    if not database.shared:
        await builder.build()
        return
    place = make_url(url)
    # A connection of its own, for the database's gives no statement so much time.
    connection = await asyncpg.connect(
        host=str(place.query["host"]), user=place.username, database=place.database, timeout=60
    )
    try:
        definition = await connection.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = $1", _GIN)
        await connection.execute(f"DROP INDEX {_GIN}")
        await builder.build()
        await connection.execute("SET maintenance_work_mem = '1GB'")
        await connection.execute(definition)
        # As autovacuum does after so many rows.
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _first_page(database: Database, what: str, wanted: ExchangeFilter) -> Row:
    took = []
    found: Sequence[object] = ()
    for _ in range(_REPEATS):
        began = time.perf_counter()
        found = (await list_exchanges(database, wanted)).exchanges
        took.append((time.perf_counter() - began) * 1000)
    return at_most(f"{what} ({len(found)} found), slowest {max(took):,.0f} ms", statistics.median(took), 150, "ms")


def _wanted() -> Iterator[tuple[str, ExchangeFilter]]:
    yield "everything", ExchangeFilter()
    yield "a person", ExchangeFilter(user="u7")
    yield "a channel", ExchangeFilter(channel="bot")
    yield "a chain", ExchangeFilter(chain="hr")
    yield "a chain long ago", ExchangeFilter(chain="former")
    yield "a model", ExchangeFilter(model="m1")
    yield "rated bad", ExchangeFilter(rated="bad")
    yield "failed", ExchangeFilter(failed=True)
    yield "a day", ExchangeFilter(since=_BEGINNING + 100 * _DAY, until=_BEGINNING + 101 * _DAY)
    yield "half a year", ExchangeFilter(since=_BEGINNING + 10 * _DAY, until=_BEGINNING + 190 * _DAY)
    yield "two frequent characters", ExchangeFilter(words=_COMMON)
    yield "two rare characters", ExchangeFilter(words=_RARE)
    yield "characters that never stand together", ExchangeFilter(words=f"{_COMMON}{_RARE}{_COMMON}")
    yield "three frequent characters", ExchangeFilter(words=_SIGNS[2] + _COMMON)
    yield "a word", ExchangeFilter(words="gateway")
    yield "no such word", ExchangeFilter(words="nowhere")
    yield "words of a person and a chain", ExchangeFilter(words=_COMMON, user="u8", chain="hr")
    yield (
        "words of a model on a day",
        ExchangeFilter(words="gateway", model="m1", since=_BEGINNING + 100 * _DAY, until=_BEGINNING + 102 * _DAY),
    )


async def _fill(database: Database, talks: int) -> None:
    chance = random.Random(7)  # noqa: S311 -- the same rows each time
    persons = [(f"{'bot' if number % 10 == 0 else 'wecom'}", f"u{number}") for number in range(_PEOPLE)]
    async with database.write() as connection:
        await connection.execute(
            insert(people), [{"person": f"{where}/{user}", "channel": where, "user": user} for where, user in persons]
        )
    for first in range(0, talks, 500):
        begun = [_talk(number, persons, talks) for number in range(first, min(first + 500, talks))]
        said = [row for talk in begun for row in _said(chance, talk, talks)]
        async with database.write() as connection:
            await connection.execute(insert(conversations), begun)
            names = tuple(said[0])
            await connection.execute(insert_rows(messages, *names), {"rows": said})
    await adopt_ratings(database)


def _talk(number: int, persons: Sequence[tuple[str, str]], talks: int) -> dict[str, Any]:
    channel, user = persons[number * 7919 % len(persons)]
    at = _BEGINNING + 365 * _DAY * number / talks
    place = {"id": number + 1, "person": f"{channel}/{user}", "number": number + 1, "title": f"talk {number}"}
    return place | {"turns": _TURNS, "started_at": at, "last_at": at + 300}


def _said(chance: random.Random, talk: dict[str, Any], talks: int) -> Iterator[dict[str, Any]]:
    early = talk["id"] < talks * 0.4
    for turn in range(1, _TURNS + 1):
        rare = _RARE if chance.random() < 0.00002 else ""
        word = " gateway " if chance.random() < 0.01 else ""
        common = {"conversation_id": talk["id"], "turn": turn, "trace": talk["id"] * 10 + turn}
        common |= {"created_at": talk["started_at"] + 60 * turn, "chain": "", "model": "", "rating": 0, "cut": ""}
        yield common | {"role": "human", "content": _text(chance, 20) + rare}
        yield common | {
            "role": "ai",
            "content": _text(chance, 120) + word,
            "chain": "former" if early else chance.choice(("default", "hr", "it")),
            "model": f"m{chance.randrange(3)}",
            "rating": chance.choice((0,) * 28 + (1, -1)),
            "cut": "length" if chance.random() < 0.005 else "",
        }


def _text(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(_SIGNS, cum_weights=_WEIGHTS, k=chance.randrange(length // 2, length * 3 // 2)))


if __name__ == "__main__":
    programme(main)
