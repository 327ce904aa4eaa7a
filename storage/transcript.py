"""What was said, read back by index: neither the length of a conversation nor of the history costs anything."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, false, func, select

from pipeline.events import Person
from pipeline.outcomes import Conversation, Exchange, Recollection
from storage.codec import media_from_json, pictures_from_json
from storage.engine import Database
from storage.ratings import latest_answer
from storage.tables import conversations, messages, people

_earlier = messages.alias("earlier")
# The window counts what the model may see. Commands' own turns are passed over by the index, which only those
# conversations pay for that have any.
_WINDOW = case(
    (conversations.c.asides == 0, conversations.c.turns - bindparam("most")),
    else_=func.coalesce(
        select(_earlier.c.turn - 1)
        .where(
            _earlier.c.conversation_id == conversations.c.id,
            _earlier.c.role == "human",
            _earlier.c.aside == false(),
        )
        .order_by(_earlier.c.turn.desc())
        .offset(bindparam("before"))
        .limit(1)
        .correlate(conversations)
        .scalar_subquery(),
        0,
    ),
)

_RECALL = (
    select(
        people.c.persona,
        people.c.pictures,
        people.c.model,
        conversations.c.id,
        conversations.c.number,
        conversations.c.turns,
        conversations.c.title,
        conversations.c.started_at,
        conversations.c.last_at,
        messages.c.turn,
        messages.c.role,
        messages.c.content,
        messages.c.media,
    )
    .select_from(
        people.outerjoin(conversations, conversations.c.id == people.c.conversation_id).outerjoin(
            messages,
            and_(
                messages.c.conversation_id == conversations.c.id,
                messages.c.turn > _WINDOW,
                messages.c.aside == false(),
            ),
        )
    )
    .where(people.c.person == bindparam("who"))
    .order_by(messages.c.turn, messages.c.id)
)

_LATEST = (
    select(conversations)
    .where(conversations.c.person == bindparam("who"))
    .order_by(conversations.c.number.desc())
    .limit(bindparam("most"))
)


class Transcript:
    """Implements `Memory` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recall(self, person: Person, *, turns: int, idle_minutes: int) -> Recollection:
        """Implement `Memory.recall`."""
        async with self._database.read() as connection:
            rows = (
                await connection.execute(_RECALL, {"who": str(person), "most": turns, "before": max(turns - 1, 0)})
            ).all()
        if not rows:
            return Recollection()
        first = rows[0]
        if first.id is None or (idle_minutes and time() - first.last_at > idle_minutes * 60):
            return Recollection(first.persona, pictures=pictures_from_json(first.pictures), model=first.model)
        return Recollection(
            first.persona,
            _conversation(first),
            tuple(_exchanges(rows)) if turns else (),
            pictures_from_json(first.pictures),
            first.model,
        )

    async def conversations(self, person: Person, *, limit: int) -> Sequence[Conversation]:
        """Implement `Memory.conversations`."""
        async with self._database.read() as connection:
            rows = await connection.execute(_LATEST, {"who": str(person), "most": limit})
            return [_conversation(row) for row in rows]

    async def answered(self, person: Person) -> bool:
        """Implement `Memory.answered`."""
        async with self._database.read() as connection:
            return (await connection.execute(latest_answer(str(person)))).first() is not None


def _conversation(row: Row[*tuple[Any, ...]]) -> Conversation:
    return Conversation(row.id, row.number, row.turns, _moment(row.started_at), _moment(row.last_at), row.title)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _exchanges(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Exchange]:
    turns: dict[int, dict[str, Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        if row.turn is not None:
            turns.setdefault(row.turn, {})[row.role] = row
    return [
        Exchange(
            said["human"].content,
            said["ai"].content,
            media_from_json(said["human"].media),
            media_from_json(said["ai"].media),
        )
        for said in turns.values()
    ]
