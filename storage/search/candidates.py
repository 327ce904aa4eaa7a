"""Finds ids of answers that may be wanted by the index, newest first, in statements that look at a bounded part of it.

SQLite's index gives ids in their order by itself. PostgreSQL's gives everything it finds, so it is asked block by
block: however frequent something is, no more than a block is found and put in order at a time, and a block without it
costs one descent of the index. Both hold whatever the planner knows, for no other index can serve the statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database.tables import messages
from storage.search.exchange_filter import ExchangeFilter
from storage.terms.term_index import spelled

BLOCK_BITS = 13
"""Answers whose ids differ in so many bits are a block; every other id is a question's. Migration 0026 has it, too."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Ids of answers that may be wanted, newest first, and below which id to go on; None where there are no more."""

    ids: Sequence[int]
    below: int | None


async def find_candidates(connection: AsyncConnection, wanted: ExchangeFilter, before: int, limit: int) -> Candidates:
    """Return up to `limit` answers below an id that may be wanted; fewer, or none, do not say that it was all."""
    every, any_ = wanted.all_terms(), wanted.any_terms()
    if not every and not any_:
        plain = select(messages.c.id).where(messages.c.role == "ai", messages.c.id < before)
        ids = (await connection.execute(plain.order_by(messages.c.id.desc()).limit(limit))).scalars().all()
        return Candidates(ids, ids[-1] if len(ids) == limit else None)
    if connection.dialect.name == "postgresql":
        return await _find_in_blocks(connection, every, any_, before, limit)
    parts = [f"({' AND '.join(spelled([one]) for one in every)})"] if every else []
    parts += [f"({' OR '.join(spelled([one]) for one in any_)})"] if any_ else []
    given = {"match": " AND ".join(parts), "before": before, "limit": limit}
    ids = (await connection.execute(_SQLITE, given)).scalars().all()
    return Candidates(ids, ids[-1] if len(ids) == limit else None)


_SQLITE = text(
    "SELECT rowid FROM exchange_terms WHERE exchange_terms MATCH :match AND rowid < :before "
    "ORDER BY rowid DESC LIMIT :limit"
)


async def _find_in_blocks(
    connection: AsyncConnection, every: Sequence[int], any_: Sequence[int], before: int, limit: int
) -> Candidates:
    given: dict[str, Any] = {"before": before, "limit": limit}
    given |= {"every": list(every)} if every else {}
    given |= {"any": list(any_)} if any_ else {}
    statement = _BLOCKS[bool(every), bool(any_)]
    rows = (await connection.execute(statement, given)).all()
    ids = [row.message_id for row in rows if row.message_id is not None]
    if len(rows) < limit:
        return Candidates(ids, None)
    last = rows[-1]
    return Candidates(ids, last.block << BLOCK_BITS if last.message_id is None else last.message_id)


# The block is a condition of its own and stands first: the index leaps from one of its answers to the next, and ends
# with it. The sums keep the primary key from serving, which would read every row of a block; and they keep what is
# another block's, for two terms may share a number.
_STATEMENT = f"""
WITH RECURSIVE blocks (block) AS (
    SELECT (max(message_id) >> {BLOCK_BITS})::integer FROM exchange_terms WHERE message_id < :before
    UNION ALL
    SELECT (
        (SELECT max(message_id) FROM exchange_terms WHERE message_id < blocks.block::bigint << {BLOCK_BITS})
        >> {BLOCK_BITS}
    )::integer
    FROM blocks WHERE blocks.block IS NOT NULL
)
SELECT blocks.block, found.message_id
FROM blocks LEFT JOIN LATERAL (
    SELECT message_id FROM exchange_terms
    WHERE ARRAY[(message_id >> {BLOCK_BITS})::integer] @> ARRAY[blocks.block] {{more}}
    AND message_id + 0 < :before
    ORDER BY message_id + 0 DESC LIMIT :limit
) AS found ON true
WHERE blocks.block IS NOT NULL
LIMIT :limit
"""  # noqa: S608 -- of our own pieces
_EVERY = "AND terms @> CAST(:every AS integer[])"
_ANY = "AND terms && CAST(:any AS integer[])"
_BLOCKS = {
    (bool(every), bool(any_)): text(_STATEMENT.format(more=f"{every} {any_}"))
    for every in ("", _EVERY)
    for any_ in ("", _ANY)
}
