"""What operators look at: the read side, apart from what runs the turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Row, func, select

from storage.engine import Database
from storage.tables import inbox, outbox

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
    accepted_at: datetime
    parts: int
    sent: int


async def list_turns(database: Database, which: Which, *, limit: int = 100) -> Sequence[TurnView]:
    """Give turns that wait or that failed, oldest first."""
    wanted = select(inbox).where(inbox.c.state.in_(_STATES[which])).order_by(inbox.c.id).limit(limit)
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
        counts = await connection.execute(
            select(
                outbox.c.turn_id,
                func.count().label("parts"),
                func.count(outbox.c.sent_at).label("sent"),
                func.max(outbox.c.error).label("error"),
            )
            .where(outbox.c.turn_id.in_([row.id for row in rows]))
            .group_by(outbox.c.turn_id)
        )
        parts = {row.turn_id: row for row in counts}
    return [_view(row, parts.get(row.id)) for row in rows]


async def find_turn(database: Database, turn_id: int) -> TurnView | None:
    """Give one turn by the trace id a person was told."""
    async with database.read() as connection:
        row = (await connection.execute(select(inbox).where(inbox.c.id == turn_id))).one_or_none()
    return None if row is None else _view(row, None)


async def ping(database: Database) -> str:
    """Say what is wrong with the database, or nothing."""
    try:
        async with database.read() as connection:
            await connection.execute(select(1))
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the answer
        return f"the database does not answer: {type(error).__name__}"
    return ""


def _view(row: Row[*tuple[Any, ...]], parts: Row[*tuple[Any, ...]] | None) -> TurnView:
    return TurnView(
        id=row.id,
        lane=row.lane,
        channel=row.channel,
        user=row.user,
        state=row.state,
        attempts=row.attempts,
        reason=row.failure or (parts.error if parts is not None else ""),
        accepted_at=datetime.fromtimestamp(row.accepted_at, UTC),
        parts=0 if parts is None else parts.parts,
        sent=0 if parts is None else parts.sent,
    )
