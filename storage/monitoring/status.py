"""Turn status by event key: ties a callback to the messages that answered it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from pipeline.events import Person
from pipeline.lanes import lane_of
from storage.database.engine import Database
from storage.database.tables import inbox, outbox

_OPEN = ("waiting", "answered")
# SQLite takes 32,766 values in one statement, older ones 999.
_AT_ONCE = 900


@dataclass(frozen=True, slots=True)
class TurnStatus:
    """A turn as its event's sender could see it: `message_ids` are the channel's own for the parts that left."""

    key: str
    turn: int
    lane: str
    state: str
    failure: str
    message_ids: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be sent."""
        return self.state not in _OPEN


async def turn_statuses(database: Database, keys: Sequence[str]) -> Mapping[str, TurnStatus]:
    """Return what became of each event; one that was never stored is missing."""
    found: dict[str, TurnStatus] = {}
    async with database.read() as connection:
        for start in range(0, len(keys), _AT_ONCE):
            wanted = inbox.c.key.in_(keys[start : start + _AT_ONCE])
            turns = (await connection.execute(select(inbox).where(wanted))).all()
            parts = await connection.execute(
                select(outbox.c.turn_id, outbox.c.message_id)
                .where(outbox.c.turn_id.in_([turn.id for turn in turns]), outbox.c.message_id != "")
                .order_by(outbox.c.turn_id, outbox.c.place)
            )
            sent: dict[int, list[str]] = defaultdict(list)
            for part in parts:
                sent[part.turn_id].append(part.message_id)
            for turn in turns:
                found[turn.key] = TurnStatus(
                    turn.key, turn.id, turn.lane, turn.state, turn.failure, tuple(sent.get(turn.id, ()))
                )
    return found


async def count_unfinished(database: Database, person: Person) -> int:
    """Count a person's turns that are not over."""
    lane = lane_of(person)
    wanted = inbox.c.lane.in_((lane, f"{lane}/urgent")) & inbox.c.state.in_(_OPEN)
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(inbox).where(wanted))).scalar_one())


async def count_stored(database: Database, keys: Sequence[str]) -> int:
    """Count the events that are stored, of those with the keys given."""
    count = select(func.count()).select_from(inbox)
    found = 0
    async with database.read() as connection:
        for start in range(0, len(keys), _AT_ONCE):
            wanted = count.where(inbox.c.key.in_(keys[start : start + _AT_ONCE]))
            found += int((await connection.execute(wanted)).scalar_one())
    return found
