"""Keeps the index in step with the transcript: in SQLite a table of FTS5, in PostgreSQL arrays with a GIN index.

An exchange is indexed under the id of its answer, in the transaction that writes it; `messages.indexed` says so. What
was written otherwise, as before there was an index, is added by `IndexBuilder`.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Select, case, exists, false, func, literal_column, select, text, true
from sqlalchemy.exc import DatabaseError

from storage.database.engine import Database
from storage.database.tables import conversations, messages, ratings, search_index
from storage.terms.exchange_terms import IndexedExchange

log = structlog.get_logger()

_SECURE_DELETE = (3, 42)
"""The version of SQLite from which on FTS5 removes what is deleted at once."""
_STEP_PAGES = 100

_ADD_SQLITE = text(
    "INSERT INTO exchange_terms(rowid, terms) "
    "SELECT max(m.id), json_extract(g.value, '$.terms') FROM json_each(:rows) g CROSS JOIN messages m "
    "WHERE m.conversation_id = json_extract(g.value, '$.conversation_id') AND m.turn = json_extract(g.value, '$.turn') "
    "AND m.trace = json_extract(g.value, '$.trace') AND m.role = 'ai' GROUP BY g.key"
)
_ADD_POSTGRES = text(
    "INSERT INTO exchange_terms(message_id, terms) "
    "SELECT DISTINCT ON (m.id) m.id, g.terms FROM json_to_recordset(CAST(:rows AS json)) "
    "AS g(conversation_id bigint, turn integer, trace bigint, terms integer[]) JOIN messages m "
    "ON m.conversation_id = g.conversation_id AND m.turn = g.turn AND m.trace = g.trace AND m.role = 'ai' "
    "ON CONFLICT (message_id) DO UPDATE SET terms = excluded.terms"
)
_PUT_SQLITE = text("INSERT INTO exchange_terms(rowid, terms) VALUES (:id, :terms)")
_PUT_POSTGRES = text(
    "INSERT INTO exchange_terms(message_id, terms) SELECT m.id, :terms FROM messages m WHERE m.id = :id "
    "ON CONFLICT (message_id) DO UPDATE SET terms = excluded.terms"
)
_DELETE_SQLITE = text("INSERT INTO exchange_terms(exchange_terms, rowid, terms) VALUES ('delete', :id, :terms)")
_MERGE = text("INSERT INTO exchange_terms(exchange_terms, rank) VALUES ('merge', :pages)")
_CHANGES = text("SELECT total_changes()")
_CONFIGURE = text("INSERT INTO exchange_terms(exchange_terms, rank) VALUES ('secure-delete', 1)")

_DELETE_ALL = text("INSERT INTO exchange_terms(exchange_terms) VALUES ('delete-all')")

_INDEXED = messages.c.indexed == true()
_asked = messages.alias("asked")
_FOUND_BY = ("chain", "revision", "model", "tools", "cut")


def spelled(terms: Iterable[int]) -> str:
    """Return terms as the text that SQLite's index takes apart."""
    return " ".join(f"{number + (1 << 31):x}" for number in terms)


def add_exchanges(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Index exchanges just written; a row has `conversation_id`, `turn`, `trace` and the `exchange`."""
    if not rows:
        return
    shared = connection.dialect.name == "postgresql"
    given = [
        {key: row[key] for key in ("conversation_id", "turn", "trace")} | {"terms": terms if shared else spelled(terms)}
        for row in rows
        if isinstance(exchange := row["exchange"], IndexedExchange) and (terms := exchange.terms())
    ]
    connection.execute(_ADD_POSTGRES if shared else _ADD_SQLITE, {"rows": json.dumps(given)})


def put_exchanges(connection: Connection, found: Iterable[tuple[int, IndexedExchange]]) -> None:
    """Index exchanges by the ids of their answers, none of which is indexed yet in SQLite."""
    shared = connection.dialect.name == "postgresql"
    rows = [{"id": id_, "terms": _given(exchange, shared=shared)} for id_, exchange in found]
    if rows:
        connection.execute(_PUT_POSTGRES if shared else _PUT_SQLITE, rows)


def remove_exchanges(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take exchanges out of the index whose messages fulfil a condition and are about to be deleted.

    PostgreSQL does so by itself. SQLite's index keeps no copy of what it was given, so it is told again; before 3.42
    it only notes what is gone until `clean_index`.
    """
    if connection.dialect.name == "postgresql":
        return
    rows = [
        {"id": id_, "terms": _given(exchange, shared=False)}
        for id_, exchange in read_exchanges(connection, which & _INDEXED)
    ]
    if not rows:
        return
    if secure := sqlite3.sqlite_version_info >= _SECURE_DELETE:
        connection.execute(_CONFIGURE)
    try:
        with connection.begin_nested():
            connection.execute(_DELETE_SQLITE, rows)
    except DatabaseError as error:
        # It was told other words than it was given, for a row was changed by hand: it is made anew.
        log.warning("search_index_begun_anew", reason=type(error.orig).__name__)
        connection.execute(_DELETE_ALL)
        connection.execute(messages.update().where(_INDEXED).values(indexed=False))
    if not secure:
        connection.execute(search_index.update().values(unclean=search_index.c.unclean + 1))


@contextmanager
def changing_exchanges(connection: Connection, answers: Sequence[int]) -> Iterator[ColumnElement[bool]]:
    """Index some answers anew by what the block makes of them; gives the condition for them."""
    these = messages.c.id.in_(answers)
    remove_exchanges(connection, these)
    yield these
    put_exchanges(connection, read_exchanges(connection, these & _INDEXED))


def read_exchanges(
    connection: Connection, which: ColumnElement[bool], *, most: int = -1
) -> list[tuple[int, IndexedExchange]]:
    """Return the exchanges whose answers fulfil a condition, newest first, each with the id of its answer."""
    wanted = exchange_columns().where(which).order_by(messages.c.id.desc())
    if most >= 0:
        wanted = wanted.limit(most)
    return [(row[0], IndexedExchange(*row[1:])) for row in connection.execute(wanted)]


def exchange_columns() -> Select[*tuple[Any, ...]]:
    """Return the query for what `IndexedExchange` holds, after the id of the answer."""
    question = (
        select(func.coalesce(func.max(_asked.c.content), ""))
        .where(
            _asked.c.conversation_id == messages.c.conversation_id,
            _asked.c.turn == messages.c.turn,
            _asked.c.trace == messages.c.trace,
            _asked.c.role == "human",
        )
        .correlate(messages)
        .scalar_subquery()
    )
    return (
        select(
            messages.c.id,
            conversations.c.person,
            messages.c.speaker,
            question,
            messages.c.content,
            messages.c.created_at,
            *(messages.c[name] for name in _FOUND_BY),
            _known_rated(1),
            _known_rated(-1),
        )
        .select_from(messages.join(conversations, conversations.c.id == messages.c.conversation_id))
        .where(messages.c.role == literal_column("'ai'"))
    )


def is_rated(rating: int) -> ColumnElement[bool]:
    """Return the condition for a message of which anybody thinks so."""
    return exists().where(ratings.c.message_id == messages.c.id, ratings.c.rating == rating).correlate(messages)


def _known_rated(rating: int) -> ColumnElement[bool]:
    """Whether anybody thinks so of an answer; most are rated by nobody, and not looked for."""
    return case((messages.c.rating != 0, is_rated(rating)), else_=false())


async def clean_index(database: Database) -> None:
    """Write SQLite's index anew without what was deleted, in steps between which others write."""
    if database.shared:
        return
    async with database.read() as connection:
        unclean = int((await connection.execute(select(search_index.c.unclean))).scalar() or 0)
    if not unclean:
        return
    await database.transact(lambda connection: _merge(connection, -_STEP_PAGES))
    while await database.transact(lambda connection: _merge(connection, _STEP_PAGES)):
        pass
    # What was deleted meanwhile asks for another round.
    done = search_index.update().where(search_index.c.unclean == unclean).values(unclean=0)
    await database.transact(lambda connection: connection.execute(done))


def _merge(connection: Connection, pages: int) -> bool:
    """Merge some pages; whether there was anything to merge."""
    before = int(connection.execute(_CHANGES).scalar_one())
    connection.execute(_MERGE, {"pages": pages})
    # As the documentation of FTS5 says: one that did nothing changes less than two rows.
    return int(connection.execute(_CHANGES).scalar_one()) - before > 1


def _given(exchange: IndexedExchange, *, shared: bool) -> object:
    terms = exchange.terms()
    return list(terms) if shared else spelled(terms)
