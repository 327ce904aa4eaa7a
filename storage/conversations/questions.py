"""Questions that people really asked a chain, for trying another version of it on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import FromClause, Join, false, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.answer import Exchange
from pipeline.events import ANY_USER
from storage.database.engine import Database
from storage.database.tables import conversations, messages, people


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question with the answer it got, the revision that gave it, and what was said before."""

    trace: int
    question: str
    answer: str
    revision: str
    before: tuple[Exchange, ...]


async def latest_questions(
    database: Database,
    chain: str,
    *,
    last: int,
    users: Collection[str],
    turns: int,
    before: float | None = None,
) -> Sequence[AskedQuestion]:
    """Return the latest questions that some users put to a chain, oldest first, each with `turns` exchanges before it.

    Of everybody's where the users say "*"; of nobody's where they say nothing. `before` is a moment in seconds since
    1970: later answers are left out.
    """
    asked, answered = messages.alias("asked"), messages.alias("answered")
    wanted = (
        select(
            answered.c.conversation_id,
            answered.c.turn,
            answered.c.trace,
            answered.c.revision,
            asked.c.content.label("question"),
            answered.c.content.label("answer"),
        )
        .select_from(exchanges(asked, answered))
        .where(
            answered.c.role == "ai",
            answered.c.aside.is_(false()),
            answered.c.chain == chain,
            asked.c.content != "",
            true() if before is None else answered.c.created_at < before,
            true()
            if ANY_USER in users
            else func.lower(people.c.user).in_([user.lower() for user in users])
            if users
            else false(),
        )
        .order_by(answered.c.id.desc())
        .limit(last)
    )
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
        return [
            AskedQuestion(
                row.trace,
                row.question,
                row.answer,
                row.revision,
                await _before(connection, row.conversation_id, row.turn, turns) if turns else (),
            )
            for row in reversed(rows)
        ]


async def _before(connection: AsyncConnection, conversation: int, turn: int, turns: int) -> tuple[Exchange, ...]:
    wanted = (
        select(messages.c.turn, messages.c.role, messages.c.content)
        .where(messages.c.conversation_id == conversation, messages.c.turn < turn, messages.c.turn >= turn - turns)
        .order_by(messages.c.turn, messages.c.id)
    )
    said: dict[int, dict[str, str]] = {}
    for row in await connection.execute(wanted):
        said.setdefault(row.turn, {})[row.role] = row.content
    return tuple(Exchange(each.get("human", ""), each.get("ai", "")) for each in said.values())


def exchanges(asked: FromClause, answered: FromClause) -> Join:
    """Return answers joined with their questions and the people who asked; both arguments are `messages`."""
    return (
        answered.join(
            asked,
            (asked.c.conversation_id == answered.c.conversation_id)
            & (asked.c.turn == answered.c.turn)
            & (asked.c.role == "human"),
        )
        .join(conversations, conversations.c.id == answered.c.conversation_id)
        .join(people, people.c.person == conversations.c.person)
    )
