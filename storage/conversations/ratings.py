"""What people think of the answers they were given."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import ColumnElement, Select, case, false, func, literal, or_, select

from pipeline.events import Person
from storage.conversations.questions import exchanges
from storage.database.engine import Database
from storage.database.reading import read_time
from storage.database.tables import conversations, inbox, messages, people

Rating = Literal["", "good", "bad"]

WRITTEN: Mapping[Rating, int] = {"": 0, "good": 1, "bad": -1}
READ: Mapping[int, Rating] = {number: rating for rating, number in WRITTEN.items()}

ANY_USER = "*"

# Spelled out in the statement: neither database takes the index of what was judged for a value it is told later.
_JUDGED: ColumnElement[bool] = messages.c.rating != literal(0, literal_execute=True)


@dataclass(frozen=True, slots=True)
class RatingCount:
    """How many were content with the answers of one revision, and how many were not."""

    good: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class RatedAnswer:
    """An answer with what the person thought of it; question and answer are empty for whoever did not agree."""

    at: datetime
    revision: str
    model: str
    good: bool
    why: str
    question: str = ""
    answer: str = ""


_CONVERSATIONS_JUDGED = 20
"""How far back an answer may lie that is judged by its key, or in a group by whoever asked for it."""


def latest_answer(chat: Person, sender: Person) -> Select[tuple[int]]:
    """Return the latest answer of a model to a person, in a group to a question of theirs.

    Replies of commands do not count.
    """
    if chat == sender:
        theirs = conversations.c.person == str(chat)
    else:
        theirs = conversations.c.id.in_(_latest_conversations(str(chat))) & (messages.c.speaker == str(sender))
    return (
        select(messages.c.id)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(theirs, messages.c.role == "ai", messages.c.aside == false())
        .order_by(conversations.c.number.desc(), messages.c.turn.desc())
        .limit(1)
    )


def answer_to(person: str, key: str) -> Select[tuple[int]]:
    """Return the answer of a model to one event of a person or a group, among their latest conversations."""
    turn = select(inbox.c.id).where(inbox.c.key == key).scalar_subquery()
    return (
        select(messages.c.id)
        .where(
            messages.c.conversation_id.in_(_latest_conversations(person)),
            messages.c.trace == turn,
            messages.c.role == "ai",
            messages.c.aside == false(),
        )
        .order_by(messages.c.id.desc())
        .limit(1)
    )


def _latest_conversations(person: str) -> Select[tuple[int]]:
    return (
        select(conversations.c.id)
        .where(conversations.c.person == person)
        .order_by(conversations.c.number.desc())
        .limit(_CONVERSATIONS_JUDGED)
    )


async def count_ratings(database: Database) -> Mapping[tuple[str, str], RatingCount]:
    """Return how many were content, and how many not, for each chain and revision that anybody judged."""
    wanted = (
        select(
            messages.c.chain,
            messages.c.revision,
            func.count(case((messages.c.rating > 0, 1))).label("good"),
            func.count(case((messages.c.rating < 0, 1))).label("bad"),
        )
        .where(_JUDGED)
        .group_by(messages.c.chain, messages.c.revision)
    )
    async with database.read() as connection:
        rows = await connection.execute(wanted)
        return {(row.chain, row.revision): RatingCount(row.good, row.bad) for row in rows}


async def latest_rated(
    database: Database, chain: str, *, last: int, users: Collection[str], rated: Rating = ""
) -> Sequence[RatedAnswer]:
    """Return the latest answers of a chain that were judged, newest first.

    Whoever judges says so to be heard: what they noted is given of all, but question and answer only of the users
    named, of everybody's where they say "*".
    """
    asked, answered = messages.alias("asked"), messages
    agreed = or_(literal(ANY_USER in users), func.lower(people.c.user).in_([user.lower() for user in users]))
    wanted = (
        select(
            answered.c.created_at,
            answered.c.revision,
            answered.c.model,
            answered.c.rating,
            answered.c.rating_note,
            case((agreed, asked.c.content), else_="").label("question"),
            case((agreed, answered.c.content), else_="").label("answer"),
        )
        .select_from(exchanges(asked, answered))
        .where(_JUDGED, answered.c.chain == chain)
        .order_by(answered.c.id.desc())
        .limit(last)
    )
    if rated:
        wanted = wanted.where(answered.c.rating == WRITTEN[rated])
    async with database.read() as connection:
        return [
            RatedAnswer(
                read_time(row.created_at) or datetime.fromtimestamp(0, UTC),
                row.revision,
                row.model,
                row.rating > 0,
                row.rating_note,
                row.question,
                row.answer,
            )
            for row in await connection.execute(wanted)
        ]
