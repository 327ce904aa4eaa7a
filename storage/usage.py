"""What answers took, added up from the transcript: tokens are the providers' own counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Integer, cast, func, select

from storage.engine import Database
from storage.tables import conversations, messages

By = Literal["person", "chain", "model", "day"]

_DAY = 86400


@dataclass(frozen=True, slots=True)
class Usage:
    """What one person, chain, model or day comes to; a day is this machine's, such as 2026-11-22."""

    of: str
    answers: int
    input_tokens: int
    output_tokens: int


async def usage(database: Database, by: By, *, since: datetime | None = None) -> Sequence[Usage]:
    """Add the answers up since a moment, the greatest first; days in their order."""
    key = _key(database, by)
    wanted = (
        select(
            key.label("of"),
            func.count().label("answers"),
            func.sum(messages.c.input_tokens).label("input_tokens"),
            func.sum(messages.c.output_tokens).label("output_tokens"),
        )
        .select_from(messages.join(conversations, conversations.c.id == messages.c.conversation_id))
        .where(messages.c.role == "ai", messages.c.model != "")
        .group_by(key)
    )
    if since is not None:
        wanted = wanted.where(messages.c.created_at >= since.timestamp())
    async with database.read() as connection:
        found = [
            Usage(_told(by, row.of), row.answers, int(row.input_tokens), int(row.output_tokens))
            for row in await connection.execute(wanted)
        ]
    if by == "day":
        return sorted(found, key=lambda each: each.of)
    return sorted(found, key=lambda each: (-each.input_tokens - each.output_tokens, -each.answers, each.of))


def _key(database: Database, by: By) -> ColumnElement[object]:
    match by:
        case "person":
            return conversations.c.person
        case "chain":
            return messages.c.chain
        case "model":
            return messages.c.model
        case "day":
            days = (messages.c.created_at + _offset().total_seconds()) / _DAY
            # A cast rounds on PostgreSQL and cuts off on SQLite.
            return cast(func.floor(days) if database.shared else days, Integer)


def _told(by: By, key: object) -> str:
    if by != "day":
        return str(key)
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=int(str(key)))).strftime("%Y-%m-%d")


def _offset() -> timedelta:
    return datetime.now().astimezone().utcoffset() or timedelta()
