"""What was said, read back by index: neither the length of a conversation nor of the history costs anything."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import time
from typing import Any, get_args

import structlog
from sqlalchemy import Row, bindparam, case, false, func, null, select
from sqlalchemy.exc import SQLAlchemyError

from pipeline.answer import Conversation, ConversationContext, Exchange, MessageStyle
from pipeline.events import Person
from storage.conversations.ratings import latest_answer
from storage.database.batch_reads import BatchReader
from storage.database.bulk import JsonRows, rows_parameter
from storage.database.codec import media_from_json, pictures_from_json
from storage.database.engine import Database
from storage.database.failures import Meaning, read_failure
from storage.database.reading import read_or_none, read_text, read_time
from storage.database.tables import conversations, messages, people

log = structlog.get_logger()

_MOST = 2**31 - 1
"""Turns and conversations; one more would not fit into the column."""

_STYLES_BATCH = 64
_BATCH = 16
"""Conversations read by one statement; their windows may be long."""

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
        people.c.person,
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
    .where(people.c.person.in_(select(rows_parameter(people, "person"))))
)

_KNOWN = select(
    people.c.person,
    people.c.persona,
    people.c.pictures,
    people.c.model,
    people.c.forget_asked_at,
    null().label("id"),
).where(people.c.person == bindparam("who"))

_STYLES = select(people.c.person, people.c.message_style).where(
    people.c.person.in_(select(rows_parameter(people, "person")))
)

_LATEST = (
    select(conversations)
    .where(conversations.c.person == bindparam("who"))
    .order_by(conversations.c.number.desc())
    .limit(bindparam("most"))
)


_Window = tuple[str, int]
"""A person, and how many exchanges are wanted."""
_Row = Row[*tuple[Any, ...]]


class TranscriptStore:
    """Implements `ConversationStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = BatchReader(self._read, most=_BATCH)
        self._styles = BatchReader(self._read_styles, most=_STYLES_BATCH)

    async def load(self, person: Person, *, turns: int, idle_minutes: int) -> ConversationContext:
        """Implement `ConversationStore.load`."""
        found = await self._rows.read((str(person), turns))
        if found is None:
            return ConversationContext()
        known = ConversationContext(
            read_text(found.persona),
            pictures=read_or_none(pictures_from_json, found.pictures) or (),
            model=read_text(found.model),
            forget_asked_at=read_time(found.forget_asked_at) if found.forget_asked_at else None,
        )
        if found.id is None:
            return known
        conversation = _conversation(found)
        if conversation is None:
            # The answer begins another, and closes this one.
            return known
        if idle_minutes and time() - found.last_at > idle_minutes * 60:
            return known
        said = tuple(_exchanges(found.said or ())) if turns else ()
        return replace(known, conversation=conversation, exchanges=said)

    async def conversations(self, person: Person, *, limit: int) -> Sequence[Conversation]:
        """Implement `ConversationStore.conversations`."""
        async with self._database.read() as connection:
            rows = await connection.execute(_LATEST, {"who": str(person), "most": limit})
            return [conversation for row in rows if (conversation := _conversation(row)) is not None]

    async def answered(self, chat: Person, sender: Person) -> bool:
        """Implement `ConversationStore.answered`."""
        async with self._database.read() as connection:
            return (await connection.execute(latest_answer(chat, sender))).first() is not None

    async def message_style(self, person: Person) -> MessageStyle:
        """Implement `MessageStyles.message_style`."""
        found = await self._styles.read(str(person))
        return next((style for style in get_args(MessageStyle) if style == found), "")

    async def _read_styles(self, persons: Sequence[str]) -> Mapping[str, Any]:
        async with self._database.read() as connection:
            rows = await connection.execute(_STYLES, {"rows": [{"person": person} for person in persons]})
            return {row.person: row.message_style for row in rows}

    async def _read(self, asked: Sequence[_Window]) -> Mapping[_Window, _Row]:
        """Return what is known of people, each with as many exchanges as asked for."""
        people_of: dict[int, list[str]] = {}
        for person, turns in asked:
            people_of.setdefault(turns, []).append(person)
        found: dict[_Window, _Row] = {}
        for turns, persons in people_of.items():
            found |= {(row.person, turns): row for row in await self._recall(persons, turns)}
        return found

    async def _recall(self, persons: Sequence[str], turns: int) -> Sequence[_Row]:
        """Return people's rows; one person's without the conversation where the database cannot put it together."""
        values = {"rows": [{"person": person} for person in persons], "most": turns, "before": max(turns - 1, 0)}
        try:
            async with self._database.read() as connection:
                return (await connection.execute(_RECALL, values)).all()
        except (SQLAlchemyError, ValueError) as error:  # it, or what it put together is no JSON
            failure = read_failure(error)
            if failure.meaning is not Meaning.DATA or len(persons) > 1:
                raise
            log.error("conversation_unreadable", person=persons[0], reason=str(failure))  # noqa: TRY400 -- it may quote
        async with self._database.read() as connection:
            return (await connection.execute(_KNOWN, {"who": persons[0]})).all()


def _conversation(row: Row[*tuple[Any, ...]]) -> Conversation | None:
    """Return a conversation, None where its row cannot be read."""
    began, last = read_time(row.started_at), read_time(row.last_at)
    counts = (row.number, row.turns)
    if began is None or last is None or not all(isinstance(count, int) and 0 <= count < _MOST for count in counts):
        log.error("conversation_unreadable", conversation=row.id, reason="a time or a count of conversations")
        return None
    return Conversation(row.id, row.number, row.turns, began, last, read_text(row.title))


def _exchanges(said: Iterable[tuple[Any, ...]]) -> Iterator[Exchange]:
    turns: dict[int, dict[str, tuple[str, str]]] = {}
    for turn, role, content, media in said:
        if isinstance(turn, int) and isinstance(role, str) and isinstance(content, str):
            turns.setdefault(turn, {})[role] = content, media
    for turn in sorted(turns):
        if not {"human", "ai"} <= turns[turn].keys():
            # One of the two is gone or cannot be read: the model is not shown half of it.
            continue
        question, pictures = turns[turn]["human"]
        answer, drawn = turns[turn]["ai"]
        shown = (read_or_none(media_from_json, media) or () for media in (pictures, drawn))
        yield Exchange(question, answer, *shown)
