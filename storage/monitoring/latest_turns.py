"""Reads the latest turns of some channels as the two sides saw them: what came in, and what was sent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row, func, select
from sqlalchemy.exc import SQLAlchemyError

from pipeline.events import Content, Person
from pipeline.lanes import group_in
from pipeline.replies import Part
from storage.database.codec import content_from_json, part_from_json
from storage.database.engine import Database
from storage.database.failures import read_failure
from storage.database.reading import read_or_none
from storage.database.tables import inbox, outbox

log = structlog.get_logger()

_LOOKED_AT = 5000
"""Turns, the latest first, of whatever channel: however many others have, starting takes no longer."""


@dataclass(frozen=True, slots=True)
class SentPart:
    """One message that left, under the id the platform gave it; `at` is in seconds since 1970."""

    message_id: str
    at: float
    part: Part


@dataclass(frozen=True, slots=True)
class LatestTurn:
    """What somebody said, and what they got for it; `at` is in seconds since 1970."""

    key: str
    sender: Person
    group: str
    content: Content
    at: float
    parts: tuple[SentPart, ...]


async def latest_turns(database: Database, channels: Collection[str], *, limit: int) -> Sequence[LatestTurn]:
    """Return the latest turns of some channels, oldest first; what cannot be read is left out.

    They are for show: where the database does not answer, there are none, and a line in the log.
    """
    try:
        rows, sent = await _rows(database, channels, limit)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("latest_turns_not_read", error=str(read_failure(error)))
        return ()
    parts: dict[int, list[SentPart]] = {}
    for row in sent:
        if (part := read_or_none(part_from_json, row.part)) is not None:
            parts.setdefault(row.turn_id, []).append(SentPart(row.message_id, row.sent_at, part))
    found: list[LatestTurn] = []
    for row in reversed(rows):
        sender = Person(row.channel, row.user)
        content = read_or_none(content_from_json, row.content)
        if content is not None:
            group = group_in(row.lane, sender)
            found.append(LatestTurn(row.key, sender, group, content, row.accepted_at, tuple(parts.get(row.id, ()))))
    return found


async def _rows(
    database: Database, channels: Collection[str], limit: int
) -> tuple[Sequence[Row[*tuple[Any, ...]]], Sequence[Row[*tuple[Any, ...]]]]:
    newest = select(func.coalesce(func.max(inbox.c.id), 0)).scalar_subquery()
    wanted = (
        select(inbox)
        .where(inbox.c.id > newest - _LOOKED_AT, inbox.c.channel.in_(channels))
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
        sent = await connection.execute(
            select(outbox)
            .where(outbox.c.turn_id.in_([row.id for row in rows]), outbox.c.sent_at.is_not(None))
            .order_by(outbox.c.turn_id, outbox.c.place)
        )
        return rows, sent.all()
