"""What was said, read back by index: neither the length of a conversation nor of the history costs anything."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import time
from typing import Any

from sqlalchemy import Row, bindparam, case, false, func, select

from pipeline.answer import Conversation, ConversationContext, Exchange
from pipeline.events import Person
from storage.conversations.ratings import latest_answer
from storage.database.bulk import JsonRows
from storage.database.codec import media_from_json, pictures_from_json
from storage.database.engine import Database
from storage.database.tables import conversations, messages, people

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
        people.c.forget_asked_at,
        conversations.c.id,
        conversations.c.number,
        conversations.c.turns,
        conversations.c.title,
        conversations.c.started_at,
        conversations.c.last_at,
        select(JsonRows(messages.c.turn, messages.c.role, messages.c.content, messages.c.media))
        .where(
            messages.c.conversation_id == conversations.c.id,
            messages.c.turn > _WINDOW,
            messages.c.aside == false(),
        )
        .correlate(conversations)
        .scalar_subquery()
        .label("said"),
    )
    .select_from(people.outerjoin(conversations, conversations.c.id == people.c.conversation_id))
    .where(people.c.person == bindparam("who"))
)

_LATEST = (
    select(conversations)
    .where(conversations.c.person == bindparam("who"))
    .order_by(conversations.c.number.desc())
    .limit(bindparam("most"))
)


class TranscriptStore:
    """Implements `ConversationStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, person: Person, *, turns: int, idle_minutes: int) -> ConversationContext:
        """Implement `ConversationStore.load`."""
        async with self._database.read() as connection:
            found = (
                await connection.execute(_RECALL, {"who": str(person), "most": turns, "before": max(turns - 1, 0)})
            ).first()
        if found is None:
            return ConversationContext()
        known = ConversationContext(
            found.persona,
            pictures=pictures_from_json(found.pictures),
            model=found.model,
            forget_asked_at=_moment(found.forget_asked_at) if found.forget_asked_at else None,
        )
        if found.id is None or (idle_minutes and time() - found.last_at > idle_minutes * 60):
            return known
        said = tuple(_exchanges(found.said or ())) if turns else ()
        return replace(known, conversation=_conversation(found), exchanges=said)

    async def conversations(self, person: Person, *, limit: int) -> Sequence[Conversation]:
        """Implement `ConversationStore.conversations`."""
        async with self._database.read() as connection:
            rows = await connection.execute(_LATEST, {"who": str(person), "most": limit})
            return [_conversation(row) for row in rows]

    async def answered(self, person: Person) -> bool:
        """Implement `ConversationStore.answered`."""
        async with self._database.read() as connection:
            return (await connection.execute(latest_answer(str(person)))).first() is not None


def _conversation(row: Row[*tuple[Any, ...]]) -> Conversation:
    return Conversation(row.id, row.number, row.turns, _moment(row.started_at), _moment(row.last_at), row.title)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _exchanges(said: Iterable[tuple[int, str, str, str]]) -> Iterator[Exchange]:
    turns: dict[int, dict[str, tuple[str, str]]] = {}
    for turn, role, content, media in said:
        turns.setdefault(turn, {})[role] = content, media
    for turn in sorted(turns):
        question, pictures = turns[turn]["human"]
        answer, drawn = turns[turn]["ai"]
        yield Exchange(question, answer, media_from_json(pictures), media_from_json(drawn))
