"""Finds a turn by what a chat shows of it: a message that was said, one that was sent, or its trace."""

from sqlalchemy import select

from pipeline.events import Content, Person
from pipeline.lanes import URGENT, lane_of
from storage.database.codec import content_from_json
from storage.database.engine import Database
from storage.database.reading import read_or_none
from storage.database.tables import conversations, inbox, messages, outbox

_LOOKED_THROUGH = 500
"""Turns of a chat, the latest first, among which a message is looked for."""

_SECONDS_APART = 2.0


async def turn_of_content(database: Database, chat: Person, content: Content, at: float) -> int | None:
    """Return the turn of something that was said, in seconds since 1970; None where it is no longer kept."""
    wanted = (
        select(inbox.c.id, inbox.c.content, inbox.c.accepted_at)
        .where(inbox.c.lane.in_((lane_of(chat), lane_of(chat) + URGENT)))
        .order_by(inbox.c.id.desc())
        .limit(_LOOKED_THROUGH)
    )
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
    same = [row for row in rows if read_or_none(content_from_json, row.content) == content]
    # What mentions a bot is kept without the mention.
    same = same or [row for row in rows if abs(row.accepted_at - at) < _SECONDS_APART]
    return min(same, key=lambda row: abs(row.accepted_at - at)).id if same else None


async def turn_of_message(database: Database, chat: Person, message_id: str) -> int | None:
    """Return the turn that a message answered which was sent under an id; None where it is no longer kept."""
    wanted = (
        select(outbox.c.turn_id)
        .where(outbox.c.person == str(chat), outbox.c.sent_at.is_not(None), outbox.c.message_id == message_id)
        .order_by(outbox.c.sent_at.desc())
        .limit(1)
    )
    async with database.read() as connection:
        found: int | None = (await connection.execute(wanted)).scalar_one_or_none()
    return found


async def turn_of_key(database: Database, key: str) -> int | None:
    """Return the turn of an event's key; None where it is no longer kept."""
    async with database.read() as connection:
        found: int | None = (
            await connection.execute(select(inbox.c.id).where(inbox.c.key == key))
        ).scalar_one_or_none()
    return found


async def exchange_of_turn(database: Database, chat: Person, trace: int) -> tuple[int, int] | None:
    """Return the conversation and the number of the exchange that a turn became; None for one that became none."""
    wanted = (
        select(messages.c.conversation_id, messages.c.turn)
        .select_from(messages.join(conversations, conversations.c.id == messages.c.conversation_id))
        .where(conversations.c.person == str(chat), messages.c.trace == trace)
        .order_by(messages.c.id.desc())
        .limit(1)
    )
    async with database.read() as connection:
        row = (await connection.execute(wanted)).one_or_none()
    return None if row is None else (row.conversation_id, row.turn)
