"""What operators look at: the read side, apart from what runs the turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, func, select

from pipeline.events import Content
from pipeline.replies import Part
from storage.database.codec import content_from_json, part_from_json
from storage.database.engine import Database
from storage.database.reading import read_or_none, read_time
from storage.database.tables import inbox, outbox

Which = Literal["waiting", "failed"]

_STATES: dict[Which, tuple[str, ...]] = {
    "waiting": ("waiting", "answered"),
    "failed": ("failed", "undelivered"),
}


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn as an operator sees it; `sent` of `parts` have left."""

    id: int
    lane: str
    channel: str
    user: str
    state: str
    attempts: int
    reason: str
    accepted_at: datetime | None
    """None where the row says no time."""
    parts: int
    sent: int
    held: int
    """How many go out with the next message of the chat."""


@dataclass(frozen=True, slots=True)
class PartView:
    """One message of an answer: whether it has left, under which id, and what kept it."""

    place: int
    state: str
    attempts: int
    error: str
    message_id: str
    sent_at: datetime | None
    part: Part | None
    """None where it cannot be read."""


@dataclass(frozen=True, slots=True)
class TurnDetail:
    """A turn with everything that is kept of it, the person's words included."""

    turn: TurnView
    key: str
    content: Content | None
    """As `PartView.part`."""
    sent_at: datetime | None
    ended_at: datetime | None
    parts: tuple[PartView, ...]


async def list_turns(database: Database, which: Which, *, limit: int = 100) -> Sequence[TurnView]:
    """Return turns that wait or that failed, oldest first."""
    wanted = select(inbox).where(inbox.c.state.in_(_STATES[which])).order_by(inbox.c.id).limit(limit)
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
        counts = await connection.execute(
            select(
                outbox.c.turn_id,
                func.count().label("parts"),
                func.count(outbox.c.sent_at).label("sent"),
                func.count().filter(outbox.c.state == "held").label("held"),
                func.max(outbox.c.error).label("error"),
            )
            .where(outbox.c.turn_id.in_([row.id for row in rows]))
            .group_by(outbox.c.turn_id)
        )
        parts = {row.turn_id: row for row in counts}
    return [_view(row, parts.get(row.id)) for row in rows]


async def count_turns(database: Database, which: Which) -> int:
    """Return how many turns wait, or how many failed."""
    async with database.read() as connection:
        wanted = select(func.count()).select_from(inbox).where(inbox.c.state.in_(_STATES[which]))
        return int((await connection.execute(wanted)).scalar_one())


async def oldest_turns(database: Database, which: Which, *, limit: int) -> tuple[Sequence[TurnView], int]:
    """Return the oldest turns that wait or that failed, and how many there are in all."""
    turns = await list_turns(database, which, limit=limit)
    # One may have come between the two looks.
    return turns, max(await count_turns(database, which), len(turns))


async def find_turn(database: Database, turn_id: int) -> TurnDetail | None:
    """Return one turn by the trace id a person was told."""
    async with database.read() as connection:
        row = (await connection.execute(select(inbox).where(inbox.c.id == turn_id))).one_or_none()
        parts = await connection.execute(select(outbox).where(outbox.c.turn_id == turn_id).order_by(outbox.c.place))
        messages = tuple(_part(part) for part in parts)
    if row is None:
        return None
    return TurnDetail(
        turn=TurnView(
            id=row.id,
            lane=row.lane,
            channel=row.channel,
            user=row.user,
            state=row.state,
            attempts=row.attempts,
            reason=row.failure or next((message.error for message in messages if message.error), ""),
            accepted_at=read_time(row.accepted_at),
            parts=len(messages),
            sent=sum(message.sent_at is not None for message in messages),
            held=sum(message.state == "held" for message in messages),
        ),
        key=row.key,
        content=read_or_none(content_from_json, row.content),
        sent_at=read_time(row.sent_at),
        ended_at=read_time(row.ended_at),
        parts=messages,
    )


async def last_accepted(database: Database, channel: str) -> datetime | None:
    """Return when something last came in by a channel, as far as turns are kept."""
    latest = select(inbox.c.accepted_at).where(inbox.c.channel == channel).order_by(inbox.c.id.desc()).limit(1)
    async with database.read() as connection:
        return read_time((await connection.execute(latest)).scalar_one_or_none())


def _view(row: Row[*tuple[Any, ...]], parts: Row[*tuple[Any, ...]] | None) -> TurnView:
    return TurnView(
        id=row.id,
        lane=row.lane,
        channel=row.channel,
        user=row.user,
        state=row.state,
        attempts=row.attempts,
        reason=row.failure or (parts.error if parts is not None else ""),
        accepted_at=read_time(row.accepted_at),
        parts=0 if parts is None else parts.parts,
        sent=0 if parts is None else parts.sent,
        held=0 if parts is None else parts.held,
    )


def _part(row: Row[*tuple[Any, ...]]) -> PartView:
    return PartView(
        place=row.place,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        message_id=row.message_id,
        sent_at=read_time(row.sent_at),
        part=read_or_none(part_from_json, row.part),
    )
