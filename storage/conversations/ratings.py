"""What people think of the answers they were given."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.answer import PersonRating, Rated
from pipeline.events import ANY_USER, Person
from pipeline.text.unicode import wellformed
from storage.conversations.questions import exchanges
from storage.database.engine import Database
from storage.database.reading import read_text, read_time
from storage.database.tables import conversations, inbox, messages, people, ratings
from storage.terms.term_index import changing_exchanges

Rating = Literal["", "good", "bad"]

WRITTEN: Mapping[Rating, int] = {"": 0, "good": 1, "bad": -1}
READ: Mapping[int, Rating] = {number: rating for rating, number in WRITTEN.items()}

# Spelled out in the statement: neither database takes the index of what was judged for a value it is told later.
_JUDGED: ColumnElement[bool] = messages.c.rating != literal(0, literal_execute=True)


_BATCH = 500

InsertInto = Callable[..., postgresql.Insert | sqlite.Insert]


@dataclass(frozen=True, slots=True)
class RatingCount:
    """How many times people were content with the answers of one revision, and how many times they were not."""

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


def rate(connection: Connection, answer: int, person: Person, rated: Rated, *, now: float, insert: InsertInto) -> None:
    """Write down what a person thinks of an answer in place of what they thought before; of nobody else."""
    connection.execute(_adoption(messages.c.id == answer))
    theirs = (ratings.c.message_id == answer) & (ratings.c.person == str(person))
    with changing_exchanges(connection, [answer]):
        if rated.good is None:
            connection.execute(delete(ratings).where(theirs))
        else:
            put = insert(ratings).values(
                message_id=answer,
                person=str(person),
                rating=1 if rated.good else -1,
                note=wellformed(rated.why),
                at=now,
            )
            new = {name: put.excluded[name] for name in ("rating", "note", "at")}
            connection.execute(put.on_conflict_do_update(index_elements=["message_id", "person"], set_=new))
        _note_latest(connection, [answer])


def forget_ratings(connection: Connection, person: Person) -> None:
    """Delete what a person thinks of answers, also of those to others."""
    theirs = ratings.c.person == str(person)
    rated = connection.execute(select(ratings.c.message_id).where(theirs)).scalars().all()
    for start in range(0, len(rated), _BATCH):
        some = rated[start : start + _BATCH]
        with changing_exchanges(connection, some):
            connection.execute(delete(ratings).where(theirs, ratings.c.message_id.in_(some)))
            _note_latest(connection, some)


def _note_latest(connection: Connection, answers: Sequence[int]) -> None:
    """Set what the answers themselves say was thought of them last."""
    latest = (
        select(ratings)
        .where(ratings.c.message_id == messages.c.id)
        .order_by(ratings.c.at.desc(), ratings.c.person)
        .limit(1)
        .correlate(messages)
    )
    connection.execute(
        messages.update()
        .where(messages.c.id.in_(answers))
        .values(
            rating=func.coalesce(latest.with_only_columns(ratings.c.rating).scalar_subquery(), 0),
            rating_note=func.coalesce(latest.with_only_columns(ratings.c.note).scalar_subquery(), ""),
        )
    )


async def ratings_of(connection: AsyncConnection, answers: Sequence[int]) -> Mapping[int, Sequence[PersonRating]]:
    """Return what people think of some answers, the earliest first."""
    found: defaultdict[int, list[PersonRating]] = defaultdict(list)
    for start in range(0, len(answers), _BATCH):
        some = ratings.c.message_id.in_(answers[start : start + _BATCH])
        wanted = select(ratings).where(some).order_by(ratings.c.message_id, ratings.c.at, ratings.c.person)
        for row in await connection.execute(wanted):
            found[row.message_id].append(
                PersonRating(
                    read_text(row.person).partition("/")[2],
                    "good" if row.rating > 0 else "bad",
                    read_text(row.note),
                    0.0 if read_time(row.at) is None else float(row.at),
                )
            )
    return found


async def adopt_ratings(database: Database) -> int:
    """Take over what a process of the version before noted during an upgrade; return how many there were."""

    def work(connection: Connection) -> int:
        return connection.execute(_adoption(_JUDGED)).rowcount

    return await database.transact(work)


def _adoption(which: ColumnElement[bool]) -> Insert:
    """Return the insert of what answers say was thought of them and nobody is known to think."""
    asker = case((messages.c.speaker == "", conversations.c.person), else_=messages.c.speaker)
    found = (
        select(
            messages.c.id,
            asker,
            case((messages.c.rating > 0, 1), else_=-1),
            messages.c.rating_note,
            messages.c.created_at,
        )
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(which, _JUDGED, ~exists().where(ratings.c.message_id == messages.c.id))
    )
    return ratings.insert().from_select(["message_id", "person", "rating", "note", "at"], found)


async def count_ratings(database: Database) -> Mapping[tuple[str, str], RatingCount]:
    """Return how often people were content, and how often not, for each chain and revision that anybody judged."""
    wanted = (
        select(
            messages.c.chain,
            messages.c.revision,
            func.count(case((ratings.c.rating > 0, 1))).label("good"),
            func.count(case((ratings.c.rating < 0, 1))).label("bad"),
        )
        .select_from(ratings.join(messages, messages.c.id == ratings.c.message_id))
        .group_by(messages.c.chain, messages.c.revision)
    )
    async with database.read() as connection:
        rows = await connection.execute(wanted)
        return {(row.chain, row.revision): RatingCount(row.good, row.bad) for row in rows}


async def latest_rated(
    database: Database, chain: str, *, last: int, users: Collection[str], rated: Rating = ""
) -> Sequence[RatedAnswer]:
    """Return the latest answers of a chain that were judged, newest first, once for each person who did.

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
            ratings.c.rating,
            ratings.c.note,
            case((agreed, asked.c.content), else_="").label("question"),
            case((agreed, answered.c.content), else_="").label("answer"),
        )
        .select_from(exchanges(asked, answered).join(ratings, ratings.c.message_id == answered.c.id))
        .where(_JUDGED, answered.c.chain == chain)
        .order_by(answered.c.id.desc(), ratings.c.at.desc(), ratings.c.person)
        .limit(last)
    )
    if rated:
        wanted = wanted.where(ratings.c.rating == WRITTEN[rated])
    async with database.read() as connection:
        return [
            RatedAnswer(
                read_time(row.created_at) or datetime.fromtimestamp(0, UTC),
                row.revision,
                row.model,
                row.rating > 0,
                row.note,
                row.question,
                row.answer,
            )
            for row in await connection.execute(wanted)
        ]
