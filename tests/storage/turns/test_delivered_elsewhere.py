"""Turns of a channel whose answers another process delivers: who claims them, and how an answer gets there."""

import asyncio

import pytest
from sqlalchemy import insert, select

from pipeline.answer import Outcome
from pipeline.events import Person
from pipeline.replies import TextPart
from pipeline.turn_state import OutgoingPart, Postponed, Turn, Verdict
from storage.database.engine import CLOCK, Database
from storage.database.tables import inbox, lanes
from storage.turns.lanes import LaneState
from storage.turns.ledger import Ledger
from storage.turns.operations import Claim, Claimed
from storage.turns.worker import Worker
from tests.fakes.runs import ScriptedRun
from tests.storage.turns.test_worker import accept, said

BOT, APP = Person("bot", "ann"), Person("wecom", "ann")
ELSEWHERE = frozenset({"bot"})


async def waits(database: Database, lane: str, *, since: float, state: str = "waiting", stopped: bool = False) -> None:
    """Leave a lane ready for so many seconds, with one turn in it."""
    channel, _, user = lane.partition("/")
    turn = {"key": lane, "lane": lane, "n": 1, "channel": channel, "user": user, "sent_at": 0, "accepted_at": 0}
    content = '{"kind":"text","text":"?"}'
    async with database.write() as connection:
        now = float((await connection.execute(CLOCK)).scalar_one())
        await connection.execute(insert(lanes).values(lane=lane, state=1, tail=1, run_at=now - since))
        await connection.execute(insert(inbox).values(**turn, content=content, state=state, stopped=stopped))


async def claim(database: Database, elsewhere: frozenset[str] = ELSEWHERE) -> Claimed:
    (claimed,) = await Ledger(database, "here").apply([Claim(10, elsewhere)])
    assert isinstance(claimed, Claimed)
    return claimed


@pytest.mark.parametrize(
    ("since", "state", "stopped", "is_claimed"),
    [
        pytest.param(0.0, "waiting", False, False, id="what has only just come is its own process's"),
        pytest.param(60.0, "waiting", False, True, id="what that has no room for is answered here"),
        pytest.param(60.0, "answered", False, False, id="what is answered can only be delivered there"),
        pytest.param(60.0, "waiting", True, False, id="what is stopped has a bubble to be ended there"),
    ],
)
async def test_what_is_claimed_of_a_channel_that_is_delivered_elsewhere(
    postgres: Database,
    since: float,
    state: str,
    stopped: bool,  # noqa: FBT001 -- a table
    is_claimed: bool,  # noqa: FBT001
) -> None:
    await waits(postgres, "bot/ann", since=since, state=state, stopped=stopped)
    await waits(postgres, "botany/ann", since=0.0)
    here = await claim(postgres)
    there = await claim(postgres, frozenset())

    assert {"botany/ann", *(["bot/ann"] if is_claimed else [])} == {turn.lane for turn in here.turns}
    assert ([] if is_claimed else ["bot/ann"]) == [turn.lane for turn in there.turns]
    # A lane that is not for this process is not what it waits for.
    assert here.next_in is None


class Handing:
    """Answers turns, and gives those of the bot back as a process does that does not hold its connection."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._otherwise = ScriptedRun(worker)
        self.runs: list[str] = []

    @property
    def sent(self) -> ScriptedRun:
        """Return what was sent of others."""
        return self._otherwise

    async def __call__(self, turn: Turn) -> Verdict:
        self.runs.append(turn.lane)
        if not turn.lane.startswith("bot/"):
            return await self._otherwise(turn)
        if turn.parts is None:
            turn = await self._worker.answered(turn, Outcome(()), [TextPart("answer", "text")])
        assert turn.parts
        return Postponed(0.0, "not connected", OutgoingPart(0, turn.parts[0].part), blamed=False)


async def test_an_answer_goes_back_once_to_who_delivers_it(postgres: Database) -> None:
    here = Worker(postgres, most=10, elsewhere=lambda: ELSEWHERE)
    there = Worker(postgres, most=10)
    handing, delivering = Handing(here), ScriptedRun(there)
    await here.start(handing)
    try:
        # It comes to this process, as just before the connection changed hands.
        await accept(here, said(BOT, "question"))
        for n in range(5):
            await accept(here, said(APP, f"{n}"))
            await handing.sent.until_sent(n + 1)
        async with asyncio.timeout(30):
            while await _state(postgres) != int(LaneState.READY):
                await accept(here, said(APP, "again"))
        handed = handing.runs.count("bot/ann")
        await there.start(delivering)
        await delivering.until_sent(1)
    finally:
        await here.close()
        await there.close()

    assert (1, 1) == (handed, handing.runs.count("bot/ann"))
    assert {"bot/ann": ["question"]} == dict(delivering.sent)
    # The model was asked once.
    assert {} == dict(delivering.asked)


async def _state(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(lanes.c.state).where(lanes.c.lane == "bot/ann"))).scalar_one())
