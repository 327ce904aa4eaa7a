"""What an answer changes beside itself: the transcript, the conversation, the persona."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, select, update

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
    Provenance,
    Rated,
    StyleChosen,
)
from pipeline.events import Person, Text, Voice
from pipeline.replies import StoredMedia
from pipeline.text.unicode import wellformed
from pipeline.turn_state import Turn
from storage.conversations.audit import note
from storage.conversations.beginnings import Beginnings
from storage.conversations.deletion import erase
from storage.conversations.ratings import answer_to, latest_answer, rate
from storage.conversations.values import storable_name, storable_provenance
from storage.database.bulk import Rows, Write, insert_rows, rows_parameter
from storage.database.codec import media_to_json, pictures_from_json, pictures_to_json, tools_to_json
from storage.database.reading import read_or_none
from storage.database.tables import conversations, messages, people
from storage.terms.exchange_terms import IndexedExchange
from storage.terms.term_index import add_exchanges
from storage.usage.batch import UsageBatch, add_up
from storage.usage.pseudonyms import InsertInto

_GROWN = rows_parameter(conversations, "id", "asides", "last_at", rows="grown")
_NO_PROVENANCE = storable_provenance(Provenance("", "", ""))

_WAITING_PICTURES = 9


@cache
def change_writes(insert_into: InsertInto) -> Mapping[str, Write]:
    """Return the statements for `Changes.rows`, by the name of their parameter."""
    return {
        "grown": update(conversations)
        .where(conversations.c.id == _GROWN.c.id)
        .values(
            turns=conversations.c.turns + 1,
            asides=conversations.c.asides + _GROWN.c.asides,
            last_at=_GROWN.c.last_at,
        ),
        "messages": insert_rows(
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
            "spoken",
            "indexed",
            rows="messages",
        ),
        "spent": add_up(insert_into),
    }


class Changes:
    """The changes of one batch: what is common is gathered and written in bulk, what is rare is done at once."""

    def __init__(self, connection: Connection, insert_into: InsertInto, now: float) -> None:
        self._connection = connection
        self._insert = insert_into
        self._now = now
        self._begun = Beginnings(connection, insert_into, now)
        self._grown: list[dict[str, object]] = []
        self._messages: list[dict[str, object]] = []
        self._spent = UsageBatch(now)
        self._said: list[dict[str, object]] = []
        """Exchanges among the messages, for the index."""

    def make(self, change: Change, turn: Turn) -> None:
        """Make one change on behalf of a turn's sender, or of the group it was said in."""
        if turn.event.chat in self._begun or turn.event.sender in self._begun:
            # What comes next for a person goes by what is there.
            self._begin()
        match change:
            case ExchangeRecorded():
                self._say(change, turn)
            case FailedUsage(made_by):
                self._spent.add(turn.event.sender, storable_provenance(made_by), answers=0)
            case ConversationClosed():
                self._close(turn)
            case PersonaSet(text):
                self._set_persona(turn, wellformed(text))
            case ModelChosen(name):
                self._set(turn.event.sender, model=storable_name(name))
            case StyleChosen(style):
                self._set(turn.event.sender, message_style=style)
            case Rated():
                self._rate(turn, change)
            case ImageReceived():
                self._add_picture(turn, change)
            case ForgetAsked():
                self._set(turn.event.sender, forget_asked_at=self._now)
            case Forgotten():
                self._forget(turn)

    def rows(self) -> Mapping[str, Rows]:
        """Return what was gathered, for the statements of `change_writes`."""
        self._begin()
        return {"grown": self._grown, "messages": self._messages, "spent": self._spent.rows()}

    def index(self) -> None:
        """Index what was said; its rows are written by now."""
        add_exchanges(self._connection, self._said)

    def _forget(self, turn: Turn) -> None:
        person = turn.event.sender
        erased = erase(self._connection, person, insert_into=self._insert, but_turn=turn.id)
        note(
            self._connection,
            "forget",
            str(person),
            {"person": str(person)},
            conversations=erased.conversations,
            messages=erased.messages,
        )

    def _say(self, said: ExchangeRecorded, turn: Turn) -> None:
        self._spent.add(turn.event.sender, storable_provenance(said.provenance))
        if said.exchange.pictures:
            self._connection.execute(
                update(people).where(people.c.person == str(turn.event.chat)).values(pictures="[]")
            )
        if said.conversation is None:
            self._begun.add(turn, said)
            return
        self._grown.append({"id": said.conversation.id, "last_at": self._now, "asides": int(said.is_command)})
        self._add_messages(said, turn, said.conversation.id, said.conversation.exchange_count + 1)

    def _begin(self) -> None:
        for turn, said, conversation_id in self._begun.write():
            self._add_messages(said, turn, conversation_id, 1)

    def _add_messages(self, said: ExchangeRecorded, turn: Turn, conversation_id: int, number: int) -> None:
        common: dict[str, object] = {
            "conversation_id": conversation_id,
            "turn": number,
            "trace": turn.id,
            "aside": said.is_command,
            "speaker": str(turn.event.sender) if turn.event.group else "",
            "indexed": True,
        }
        exchange = said.exchange
        question = _message("human", exchange.question, exchange.pictures, turn.accepted_at, _NO_PROVENANCE)
        answer = _message("ai", exchange.answer, exchange.drawn, self._now, storable_provenance(said.provenance))
        content = turn.event.content
        is_spoken = isinstance(content, Voice) or (isinstance(content, Text) and content.spoken)
        self._messages += [common | question | {"spoken": is_spoken}, common | answer | {"spoken": False}]
        said_here = IndexedExchange(
            str(turn.event.chat),
            str(common["speaker"]),
            str(question["content"]),
            str(answer["content"]),
            self._now,
            **{name: answer[name] for name in ("chain", "revision", "model", "tools", "cut")},  # type: ignore[arg-type]
        )
        key = {name: common[name] for name in ("conversation_id", "turn", "trace")}
        self._said.append(key | {"exchange": said_here})

    def _close(self, turn: Turn) -> None:
        person = str(turn.event.chat)
        self._end(self._open_conversation(person))
        self._connection.execute(
            update(people).where(people.c.person == person).values(conversation_id=None, persona="", pictures="[]")
        )

    def _set_persona(self, turn: Turn, text: str) -> None:
        person = turn.event.chat
        self._set(person, persona=text)
        conversation_id = self._open_conversation(str(person))
        if conversation_id is not None:
            self._connection.execute(
                update(conversations).where(conversations.c.id == conversation_id).values(persona=text)
            )

    def _rate(self, turn: Turn, rated: Rated) -> None:
        chat = turn.event.chat
        meant = answer_to(str(chat), rated.answer) if rated.answer else latest_answer(chat, turn.event.sender)
        answer: Any = self._connection.execute(meant).scalar()
        if answer is not None:
            rate(self._connection, answer, turn.event.sender, rated, now=self._now, insert=self._insert)

    def _add_picture(self, turn: Turn, came: ImageReceived) -> None:
        person = turn.event.chat
        found: Any = self._connection.execute(select(people.c.pictures).where(people.c.person == str(person)))
        waiting = (*(read_or_none(pictures_from_json, found.scalar_one_or_none()) or ()), came)
        self._set(person, pictures=pictures_to_json(waiting[-_WAITING_PICTURES:]))

    def _set(self, person: Person, **values: object) -> None:
        """Note something of a person, who may not be known yet."""
        wanted = self._insert(people).values(person=str(person), channel=person.channel, user=person.user, **values)
        self._connection.execute(
            wanted.on_conflict_do_update(
                index_elements=["person"], set_={name: wanted.excluded[name] for name in values}
            )
        )

    def _open_conversation(self, person: str) -> int | None:
        found: Any = self._connection.execute(select(people.c.conversation_id).where(people.c.person == person))
        conversation_id: int | None = found.scalar_one_or_none()
        return conversation_id

    def _end(self, conversation_id: int | None) -> None:
        if conversation_id is not None:
            self._connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation_id, conversations.c.closed_at.is_(None))
                .values(closed_at=self._now)
            )


def _message(
    role: str, content: str, media: tuple[StoredMedia, ...], at: float, made_by: Provenance
) -> dict[str, object]:
    return {
        "role": role,
        "content": wellformed(content),
        "media": media_to_json(media),
        "created_at": at,
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
    }
