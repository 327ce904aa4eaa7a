"""Conversations that begin: those of all people in one batch, in as many statements as for one."""

from collections.abc import Iterator
from functools import cache

from sqlalchemy import Connection, Insert, bindparam, case, func, select, true, update

from pipeline.answer import ExchangeRecorded
from pipeline.events import Person
from pipeline.text.unicode import wellformed
from pipeline.turn_state import Turn
from storage.database.bulk import insert_rows, rows_parameter, update_rows
from storage.database.reading import read_text
from storage.database.tables import conversations, people
from storage.usage.pseudonyms import InsertInto

_TITLE_CHARACTERS = 40
_MOST_CONVERSATIONS = 10**9
"""A number above is nobody's: the column ends at twice that."""

_BEGIN = insert_rows(
    conversations, "person", "number", "title", "persona", "turns", "asides", "started_at", "last_at"
).returning(conversations.c.id, conversations.c.person)
_OPEN = update_rows(people, ("person",), "conversation_id")
_closed = rows_parameter(conversations, "id")
_CLOSE = (
    update(conversations)
    .where(conversations.c.id.in_(select(_closed.c.id)), conversations.c.closed_at.is_(None))
    .values(closed_at=bindparam("at"))
)


@cache
def _count(insert_into: InsertInto) -> Insert:
    """Return the statement that counts another conversation of each person, who may not be known yet."""
    given = rows_parameter(people, "person", "channel", "user")
    # Usually the same; a row of either that was lost or changed by hand must not stop the person for ever.
    counted = case((people.c.conversations.between(0, _MOST_CONVERSATIONS), people.c.conversations), else_=0)
    highest = (
        select(func.coalesce(func.max(conversations.c.number), 0))
        .where(conversations.c.person == given.c.person, conversations.c.number.between(0, _MOST_CONVERSATIONS))
        .scalar_subquery()
    )
    wanted = insert_into(people).from_select(
        ["person", "channel", "user", "conversations"],
        select(given.c.person, given.c.channel, given.c.user, highest + 1).where(true()),
    )
    following = case((counted >= wanted.excluded.conversations, counted + 1), else_=wanted.excluded.conversations)
    return wanted.on_conflict_do_update(index_elements=["person"], set_={"conversations": following}).returning(
        people.c.person, people.c.conversations, people.c.conversation_id, people.c.persona
    )


class Beginnings:
    """Gathers exchanges with which a conversation begins, at most one of a person, and begins them together."""

    def __init__(self, connection: Connection, insert_into: InsertInto, now: float) -> None:
        self._connection = connection
        self._insert = insert_into
        self._now = now
        self._gathered: dict[str, tuple[Turn, ExchangeRecorded]] = {}

    def __contains__(self, person: Person) -> bool:
        return str(person) in self._gathered

    def add(self, turn: Turn, said: ExchangeRecorded) -> None:
        """Gather an exchange that has no conversation yet."""
        self._gathered[str(turn.event.chat)] = turn, said

    def write(self) -> Iterator[tuple[Turn, ExchangeRecorded, int]]:
        """Close the conversation that each of the people has open, open the next, and return it with the exchange."""
        # In one order for all, so that no two transactions wait for each other in a circle.
        gathered, self._gathered = dict(sorted(self._gathered.items())), {}
        if not gathered:
            return
        chats = {name: turn.event.chat for name, (turn, _) in gathered.items()}
        theirs = [{"person": name, "channel": who.channel, "user": who.user} for name, who in chats.items()]
        found = self._connection.execute(_count(self._insert), {"rows": theirs}).all()
        if still_open := [{"id": row.conversation_id} for row in found if row.conversation_id is not None]:
            self._connection.execute(_CLOSE, {"rows": still_open, "at": self._now})
        begun = [self._conversation(*gathered[row.person], row.conversations, read_text(row.persona)) for row in found]
        opened = {row.person: row.id for row in self._connection.execute(_BEGIN, {"rows": begun})}
        numbers = [{"person": name, "conversation_id": conversation_id} for name, conversation_id in opened.items()]
        self._connection.execute(_OPEN, {"rows": numbers})
        for name, (turn, said) in gathered.items():
            yield turn, said, opened[name]

    def _conversation(self, turn: Turn, said: ExchangeRecorded, number: int, persona: str) -> dict[str, object]:
        return {
            "person": str(turn.event.chat),
            "number": number,
            "title": title_of(said.exchange.question),
            "persona": persona,
            "turns": 1,
            "asides": int(said.is_command),
            "started_at": turn.accepted_at,
            "last_at": self._now,
        }


def title_of(question: str) -> str:
    """Return what a conversation is called that begins with a question."""
    line = " ".join(wellformed(question).split())
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1] + "…"
