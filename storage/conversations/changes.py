"""What an answer changes beside itself: the transcript, the conversation, the persona."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.answer import (
    Change,
    ConversationClosed,
    ExchangeRecorded,
    FailedUsage,
    ForgetAsked,
    Forgotten,
    ImageReceived,
    ModelChosen,
    PersonaSet,
    Rated,
    StyleChosen,
)
from pipeline.events import Person
from pipeline.text.unicode import wellformed
from pipeline.turn_state import Turn
from storage.conversations.audit import note
from storage.conversations.deletion import erase
from storage.conversations.ratings import answer_to, latest_answer
from storage.conversations.values import storable_name, storable_provenance
from storage.database.bulk import insert_rows, rows_parameter
from storage.database.codec import NO_TOOLS, media_to_json, pictures_from_json, pictures_to_json, tools_to_json
from storage.database.reading import read_or_none, read_text
from storage.database.tables import conversations, messages, people
from storage.usage.batch import UsageBatch, add_up

INSERT_MESSAGES = insert_rows(
    messages,
    "conversation_id",
    "turn",
    "role",
    "speaker",
    "content",
    "media",
    "aside",
    "created_at",
    "trace",
    "chain",
    "revision",
    "model",
    "input_tokens",
    "output_tokens",
    "milliseconds",
    "cost",
    "tools",
    "cut",
    "estimated",
)


_grown = rows_parameter(conversations, "id", "asides", "last_at")


GROW_CONVERSATIONS = (
    update(conversations)
    .where(conversations.c.id == _grown.c.id)
    .values(turns=conversations.c.turns + 1, asides=conversations.c.asides + _grown.c.asides, last_at=_grown.c.last_at)
)


_TITLE_CHARACTERS = 40
_WAITING_PICTURES = 9
_MOST_CONVERSATIONS = 10**9
"""A number above is nobody's: the column ends at twice that."""


class Changes:
    """The changes of one batch: what is common is gathered and written in bulk, what is rare is done at once."""

    def __init__(
        self, connection: AsyncConnection, insert_into: Callable[..., postgresql.Insert | sqlite.Insert], now: float
    ) -> None:
        self._connection = connection
        self._insert = insert_into
        self._now = now
        self._grown: list[dict[str, object]] = []
        self._messages: list[dict[str, object]] = []
        self._spent = UsageBatch(now)

    async def make(self, change: Change, turn: Turn) -> None:
        """Make one change on behalf of a turn's sender, or of the group it was said in."""
        match change:
            case ExchangeRecorded():
                await self._say(change, turn)
            case FailedUsage(made_by):
                self._spent.add(turn.event.sender, storable_provenance(made_by), answers=0)
            case ConversationClosed():
                await self._close(turn)
            case PersonaSet(text):
                await self._set_persona(turn, wellformed(text))
            case ModelChosen(name):
                await self._set(turn.event.sender, model=storable_name(name))
            case StyleChosen(style):
                await self._set(turn.event.sender, message_style=style)
            case Rated():
                await self._rate(turn, change)
            case ImageReceived():
                await self._add_picture(turn, change)
            case ForgetAsked():
                await self._set(turn.event.sender, forget_asked_at=self._now)
            case Forgotten():
                await self._forget(turn)

    async def write(self) -> None:
        """Write what was gathered."""
        if self._grown:
            await self._connection.execute(GROW_CONVERSATIONS, {"rows": self._grown})
        if self._messages:
            await self._connection.execute(INSERT_MESSAGES, {"rows": self._messages})
        if spent := self._spent.rows():
            await self._connection.execute(add_up(self._insert), spent)

    async def _forget(self, turn: Turn) -> None:
        person = turn.event.sender
        erased = await erase(self._connection, person, insert_into=self._insert, but_turn=turn.id)
        await note(
            self._connection,
            "forget",
            str(person),
            {"person": str(person)},
            conversations=erased.conversations,
            messages=erased.messages,
        )

    async def _say(self, said: ExchangeRecorded, turn: Turn) -> None:
        if said.conversation is None:
            conversation_id, number = await self._begin(turn, said), 1
        else:
            conversation_id, number = said.conversation.id, said.conversation.exchange_count + 1
            self._grown.append({"id": conversation_id, "last_at": self._now, "asides": int(said.is_command)})
        if said.exchange.pictures:
            await self._connection.execute(
                update(people).where(people.c.person == str(turn.event.chat)).values(pictures="[]")
            )
        common: dict[str, object] = {
            "conversation_id": conversation_id,
            "turn": number,
            "trace": turn.id,
            "aside": said.is_command,
        }
        common["speaker"] = str(turn.event.sender) if turn.event.group else ""
        made_by = storable_provenance(said.provenance)
        self._spent.add(turn.event.sender, made_by)
        self._messages += [
            common
            | {
                "role": "human",
                "content": wellformed(said.exchange.question),
                "media": media_to_json(said.exchange.pictures),
                "created_at": turn.accepted_at,
                "chain": "",
                "revision": "",
                "model": "",
                "input_tokens": 0,
                "output_tokens": 0,
                "milliseconds": 0,
                "cost": 0,
                "tools": NO_TOOLS,
                "cut": "",
                "estimated": 0,
            },
            common
            | {
                "role": "ai",
                "content": wellformed(said.exchange.answer),
                "media": media_to_json(said.exchange.drawn),
                "created_at": self._now,
                "chain": made_by.chain,
                "revision": made_by.revision,
                "model": made_by.model,
                "input_tokens": made_by.input_tokens,
                "output_tokens": made_by.output_tokens,
                "milliseconds": made_by.milliseconds,
                "cost": made_by.cost,
                "tools": tools_to_json(made_by.tools),
                "cut": made_by.cut,
                "estimated": made_by.estimated,
            },
        ]

    async def _begin(self, turn: Turn, said: ExchangeRecorded) -> int:
        """Close the person's conversation, if one is open, and open the next."""
        person = turn.event.chat
        # Usually the same; a row of either that was lost or changed by hand must not stop the person for ever.
        counted = case((people.c.conversations.between(0, _MOST_CONVERSATIONS), people.c.conversations), else_=0)
        highest = (
            select(func.coalesce(func.max(conversations.c.number), 0))
            .where(conversations.c.person == str(person), conversations.c.number.between(0, _MOST_CONVERSATIONS))
            .scalar_subquery()
        )
        wanted = self._insert(people).values(
            person=str(person), channel=person.channel, user=person.user, conversations=highest + 1
        )
        following = case((counted >= wanted.excluded.conversations, counted + 1), else_=wanted.excluded.conversations)
        row = (
            await self._connection.execute(
                wanted.on_conflict_do_update(index_elements=["person"], set_={"conversations": following}).returning(
                    people.c.conversations, people.c.conversation_id, people.c.persona
                )
            )
        ).one()
        await self._end(row.conversation_id)
        conversation_id: int = (
            await self._connection.execute(
                insert(conversations)
                .values(
                    person=str(person),
                    number=row.conversations,
                    title=_title(said.exchange.question),
                    persona=read_text(row.persona),
                    turns=1,
                    asides=int(said.is_command),
                    started_at=turn.accepted_at,
                    last_at=self._now,
                )
                .returning(conversations.c.id)
            )
        ).scalar_one()
        await self._connection.execute(
            update(people).where(people.c.person == str(person)).values(conversation_id=conversation_id)
        )
        return conversation_id

    async def _close(self, turn: Turn) -> None:
        person = str(turn.event.chat)
        await self._end(await self._open_conversation(person))
        await self._connection.execute(
            update(people).where(people.c.person == person).values(conversation_id=None, persona="", pictures="[]")
        )

    async def _set_persona(self, turn: Turn, text: str) -> None:
        person = turn.event.chat
        await self._set(person, persona=text)
        conversation_id = await self._open_conversation(str(person))
        if conversation_id is not None:
            await self._connection.execute(
                update(conversations).where(conversations.c.id == conversation_id).values(persona=text)
            )

    async def _rate(self, turn: Turn, rated: Rated) -> None:
        chat = str(turn.event.chat)
        meant = answer_to(chat, rated.answer) if rated.answer else latest_answer(chat)
        rating = 0 if rated.good is None else 1 if rated.good else -1
        await self._connection.execute(
            update(messages)
            .where(messages.c.id == meant.scalar_subquery())
            .values(rating=rating, rating_note=wellformed(rated.why))
        )

    async def _add_picture(self, turn: Turn, came: ImageReceived) -> None:
        person = turn.event.chat
        found: Any = await self._connection.execute(select(people.c.pictures).where(people.c.person == str(person)))
        waiting = (*(read_or_none(pictures_from_json, found.scalar_one_or_none()) or ()), came)
        await self._set(person, pictures=pictures_to_json(waiting[-_WAITING_PICTURES:]))

    async def _set(self, person: Person, **values: object) -> None:
        """Note something of a person, who may not be known yet."""
        wanted = self._insert(people).values(person=str(person), channel=person.channel, user=person.user, **values)
        await self._connection.execute(
            wanted.on_conflict_do_update(
                index_elements=["person"], set_={name: wanted.excluded[name] for name in values}
            )
        )

    async def _open_conversation(self, person: str) -> int | None:
        found: Any = await self._connection.execute(select(people.c.conversation_id).where(people.c.person == person))
        conversation_id: int | None = found.scalar_one_or_none()
        return conversation_id

    async def _end(self, conversation_id: int | None) -> None:
        if conversation_id is not None:
            await self._connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation_id, conversations.c.closed_at.is_(None))
                .values(closed_at=self._now)
            )


def _title(question: str) -> str:
    line = " ".join(wellformed(question).split())
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1] + "…"
