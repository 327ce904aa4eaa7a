"""What people spent who were forgotten: kept for the month under a keyed hash, so that forgetting refills no budget.

The key is the month's own and goes with it. After that nobody can tell whose the sums were.
"""

import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.events import Person
from storage.database.engine import Database
from storage.database.tables import forgotten_keys, spending
from storage.usage.batch import add_up, month_of

_KEY = ("person", "day", "chain", "model")
_SUMS = tuple(column.name for column in spending.c if column.name not in _KEY)

PREFIX = "forgotten:"
"""Begins a pseudonym; no person's key does, for it has a slash."""

InsertInto = Callable[..., postgresql.Insert | sqlite.Insert]
"""The insert of the database at hand, for `ON CONFLICT`."""


def insert_into(database: Database) -> InsertInto:
    """Return the insert of a database."""
    return postgresql.insert if database.shared else sqlite.insert


def pseudonym(key: str, person: Person) -> str:
    """Return what stands for a person under a month's key."""
    # The channel's name and a user id have no such sign between them.
    named = f"{person.channel}\n{person.user}".encode()
    return PREFIX + hmac.digest(bytes.fromhex(key), named, "sha256").hex()


def month_key(connection: Connection, month: int, *, insert: InsertInto) -> str:
    """Return the key of a month, making it if there is none yet."""
    connection.execute(insert(forgotten_keys).values(month=month, key=token_hex(32)).on_conflict_do_nothing())
    found = connection.execute(select(forgotten_keys.c.key).where(forgotten_keys.c.month == month))
    key: str = found.scalar_one()
    return key


def anonymise(connection: Connection, person: Person, *, insert: InsertInto, now: float) -> None:
    """Keep what was paid and take away for whom: this month's under the person's pseudonym, the rest under nobody."""
    gone = connection.execute(delete(spending).where(spending.c.person == str(person)).returning(*spending.c))
    rows = [dict(row) for row in gone.mappings()]
    if not rows:
        return
    month = month_of(now)
    instead = pseudonym(month_key(connection, month, insert=insert), person)
    _add(connection, [row | {"person": instead if row["day"] >= month else ""} for row in rows], insert=insert)


async def drop_pseudonyms(database: Database, *, now: float) -> int:
    """Remove pseudonyms of past months and their keys; return how many sums had one."""
    month = month_of(now)
    past = forgotten_keys.c.month < month
    async with database.read() as connection:
        if (await connection.execute(select(forgotten_keys.c.month).where(past).limit(1))).first() is None:
            return 0
    insert = insert_into(database)
    theirs = spending.c.person.startswith(PREFIX), spending.c.day < month

    def work(connection: Connection) -> int:
        gone = connection.execute(delete(spending).where(*theirs).returning(*spending.c))
        rows = [dict(row) | {"person": ""} for row in gone.mappings()]
        _add(connection, rows, insert=insert)
        connection.execute(delete(forgotten_keys).where(past))
        return len(rows)

    return await database.transact(work)


def _add(connection: Connection, rows: Iterable[Mapping[str, Any]], *, insert: InsertInto) -> None:
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        # One row for each key: a statement does not change a row twice.
        sums.setdefault(tuple(row[name] for name in _KEY), Counter()).update({name: row[name] for name in _SUMS})
    if sums:
        spent = [dict(zip(_KEY, key, strict=True)) | added for key, added in sorted(sums.items())]
        connection.execute(add_up(insert), {"spent": spent})
