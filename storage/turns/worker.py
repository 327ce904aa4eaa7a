"""Runs turns: one at a time in each lane, many lanes at once, and starts nothing that it cannot finish fenced."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from secrets import token_hex

import structlog

from pipeline.answer import Forgotten, Outcome
from pipeline.errors import LaneLost, TryAgain, WriteRefused
from pipeline.events import InboundEvent, Person
from pipeline.lanes import lane_of
from pipeline.replies import Part, Receipt
from pipeline.supervision import SupervisedLoop
from pipeline.text.i18n import Sentence
from pipeline.turn_state import STOPPED, Finished, OutgoingPart, Postponed, Turn, Verdict, pause_after
from storage.database.codec import content_to_json
from storage.database.engine import Database
from storage.database.failures import DatabaseAway, Failure, Meaning
from storage.turns.admission import AdmissionGate, Capacity
from storage.turns.group_commit import GroupCommitWriter
from storage.turns.insistent_writer import InsistentWriter
from storage.turns.lease import LEASE_SECONDS, Lease
from storage.turns.ledger import Ledger
from storage.turns.notifications import NotifyListener
from storage.turns.operations import (
    Accept,
    Accepted,
    Claim,
    Claimed,
    Close,
    MarkSent,
    Probe,
    Record,
    ReleaseLane,
    Requeue,
    Stop,
)
from storage.turns.orphans import BETWEEN_LOOKS_SECONDS, REGULAR_LOOK_SECONDS, Orphans, free_every_lane
from storage.turns.readiness import Readiness, Storm

log = structlog.get_logger()

_ACCEPT_SECONDS = 4.0
"""WeCom hangs up after 5 s and sends again (wecom-protocol.md 1)."""
_POLL_SECONDS = 1.0
_LAST_SECONDS = 15.0


class Worker:
    """The inbox, the journal and the stopper of one process, over one database."""

    def __init__(  # noqa: PLR0913 -- what it is opened with, by name
        self,
        database: Database,
        *,
        most: int,
        drain_seconds: float = 20.0,
        turn_attempts: int = 3,
        lease_seconds: float = LEASE_SECONDS,
        orphan_seconds: float = BETWEEN_LOOKS_SECONDS,
        name: str = "",
        forgotten: Callable[[Person], Awaitable[None]] | None = None,
        elsewhere: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self.name = name or token_hex(8)
        self._database = database
        self._drain_seconds = drain_seconds
        self._turn_attempts = turn_attempts
        self._forgotten = forgotten
        self._elsewhere = elsewhere
        ledger = Ledger(database, self.name)
        self._writer = GroupCommitWriter(ledger.apply, given_up=ledger.note_failed)
        self._run: Callable[[Turn], Awaitable[Verdict]] | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._current: dict[int, str] = {}
        """The lane of each turn that runs here, by the turn's id."""
        self._admission = AdmissionGate()
        self._stopping: set[int] = set()
        self._storm = Storm()
        self.readiness = Readiness(self.probe, ledger.outcomes)
        self._orphans = Orphans(database, self.name, between=orphan_seconds)
        self._insistent = InsistentWriter(self._writer, ledger.outcomes, doubt=self._orphans.suspect)
        self._wake = asyncio.Event()
        self._capacity = Capacity(most, running=lambda: len(self._tasks), freed=self._wake.set)
        self._dispatcher = SupervisedLoop("dispatcher", self._dispatch)
        self._lease = Lease(database, self.name, lost=self._let_go, seconds=lease_seconds) if database.shared else None
        self._notifications = NotifyListener(database, self.name, self._on_notification) if database.shared else None

    @property
    def running(self) -> int:
        """Return how many turns run now."""
        return len(self._tasks)

    @property
    def loops(self) -> Sequence[SupervisedLoop]:
        """Return what runs in the background as long as the worker does."""
        beside = [part.loop for part in (self._lease, self._notifications) if part is not None]
        return (self._dispatcher, self._writer.loop, *beside)

    @property
    def trouble(self) -> str:
        """Return why turns do not run, or nothing."""
        if self._run is None:
            return Sentence("reason.worker_stopped")
        if self._lease is not None and not self._lease.stands:
            return Sentence("reason.lease_over")
        return self._storm.trouble

    @property
    def lease_seconds(self) -> float:
        """Return how long the lease on the database holds yet, in seconds; without one, for ever."""
        return inf if self._lease is None else self._lease.left

    def resize(self, *, most: int, drain_seconds: float, turn_attempts: int) -> None:
        """Set how many turns run at once from now on, how long they may take to finish at the end, and their tries."""
        self._capacity.most = most
        self._drain_seconds = drain_seconds
        self._turn_attempts = turn_attempts
        self._wake.set()

    async def start(self, run: Callable[[Turn], Awaitable[Verdict]]) -> None:
        """Take up what an earlier process left, and whatever comes; `run` carries one turn to its verdict."""
        self._run = run
        if self._lease is not None:
            await self._lease.start()
        else:
            await free_every_lane(self._database)
        self._writer.start()
        if self._notifications is not None:
            self._notifications.start()
        self._wake.set()
        self._dispatcher.start()

    async def drain(self) -> None:
        """Wait for running turns for a bounded time; what does not is left to be run again.

        Events are still accepted, and wait for the next start.
        """
        if self._run is None:
            return
        self._run = None
        await self._dispatcher.stop()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=self._drain_seconds)
        left = list(self._tasks.values())
        for task in left:
            task.cancel()
        if left:
            # A message on its way out is waited for; a database that is away is not.
            await asyncio.wait(left, timeout=_LAST_SECONDS)

    async def close(self) -> None:
        """Drain, write what waits to be written, and leave the database."""
        await self.drain()
        if self._notifications is not None:
            await self._notifications.stop()
        await self._writer.stop()
        if self._lease is not None:
            await self._lease.stop()

    # What others ask of us -------------------------------------------------------------------------------------

    async def accept(self, event: InboundEvent, *, lane: str) -> bool:
        """Implement `Inbox.accept`."""
        wish = Accept(lane, event, content_to_json(event.content), claim=self._may_begin())
        self._capacity.reserve(wish.claim)
        # The write goes on when we stop waiting, so its turn is started from the write, not from here.
        write = self._writer.post(wish)
        write.add_done_callback(partial(self._accepted, wish))
        with self._admission.accepting():
            await asyncio.wait((write,), timeout=_ACCEPT_SECONDS)
        if not write.done():
            write.add_done_callback(_log_late_failure)
            raise TryAgain(Sentence("reason.not_stored_in_time"))
        return write.result().new

    async def answered(self, turn: Turn, outcome: Outcome, parts: Sequence[Part], *, failure: str = "") -> Turn:
        """Implement `Journal.answered`."""
        answered = await self._insistent.write(Record(turn, outcome.changes, parts, failure))
        if self._forgotten is not None and any(isinstance(change, Forgotten) for change in outcome.changes):
            # Before the person is told that it is done.
            await self._forgotten(turn.event.sender)
        return answered

    async def sent(self, turn: Turn, part: OutgoingPart, receipt: Receipt) -> None:
        """Implement `Journal.sent`."""
        await self._insistent.write(MarkSent(turn, part, receipt))

    async def ensure_owned(self, turn: Turn) -> None:
        """Implement `Journal.hold`."""
        if self._lease is not None:
            await self._lease.hold()
        if turn.lane not in self._tasks:
            raise LaneLost(Sentence("reason.lane_lost", turn=turn.id))

    async def stop(self, person: Person) -> bool:
        """Implement `TurnCanceller.stop`."""
        stopped = await self._writer.ask(Stop(lane_of(person)))
        if stopped.turn_id is None:
            return False
        if stopped.owner == self.name:
            self._cancel(stopped.turn_id)
        else:
            self._wake.set()
        return True

    async def requeue(self, lane: str, turn_id: int, *, afresh: bool) -> bool:
        """Run an ended turn again, behind what waits in its lane; False if it has not ended."""
        requeued = await self._writer.ask(Requeue(lane, turn_id, afresh=afresh))
        self._wake.set()
        return requeued.done

    async def probe(self) -> None:
        """Write as an event's acceptance does, and change nothing. Raises what `accept` raises."""
        await self._writer.ask(Probe())
        if not await asyncio.to_thread(self._database.has_its_file):
            raise DatabaseAway(Failure(Meaning.AWAY, "its file was removed or replaced", ""), blameless=True)

    # The work --------------------------------------------------------------------------------------------------

    def _may_begin(self) -> bool:
        if self._run is None or not (self._lease is None or self._lease.stands):
            return False
        return self._capacity.has_room()

    def _accepted(self, wish: Accept, write: asyncio.Future[Accepted]) -> None:
        self._capacity.release(wish.claim)
        if write.exception() is not None:
            # It may be stored, with its lane claimed, and only the answer be lost. This wakes the dispatcher, too.
            self._suspect_orphans()
            return
        accepted = write.result()
        if accepted.turn is not None:
            self._begin(accepted.turn)
        elif accepted.new and not self._database.shared and wish.lane not in self._tasks:
            # It waits to be claimed, or stands as owned with nobody to run it.
            self._suspect_orphans()
        elif accepted.new and not wish.claim:
            self._wake.set()
        self._capacity.tell()

    def _begin(self, turn: Turn) -> None:
        self._tasks[turn.lane] = asyncio.create_task(self._work(turn), name=f"lane {turn.lane}")

    async def _dispatch(self) -> None:
        """Claim lanes that are ready, when somebody says there may be some, or when the next one is due."""
        pause: float | None = 0.0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()
            if self._lease is not None:
                # A process that was stopped for a while wakes up disowned, and must not claim as if it were not.
                await self._lease.hold()
            try:
                pause = await self._claim_and_begin()
            except (TryAgain, WriteRefused) as error:
                log.warning("claim_failed", error=str(error))
                self._orphans.suspect()
                pause = _POLL_SECONDS
            except Exception:  # the edge of a step: other lanes are claimed all the same
                log.exception("dispatch_failed")
                self._orphans.suspect()
                pause = _POLL_SECONDS

    async def _claim_and_begin(self) -> float | None:
        """Begin what there is room for; return the seconds until there may be more, None until somebody says so."""
        if not self._may_begin():
            # We are woken once there is room.
            return None
        claimed = await self._claim()
        for turn in claimed.turns:
            self._begin(turn)
        self._capacity.tell()
        pause = self._pause(claimed.next_in)
        if self._orphans.suspected:
            await self._orphans.free(self._tasks)
            pause = min(self._orphans.between, pause or self._orphans.between)
        return pause

    async def _claim(self) -> Claimed:
        # Whoever comes in meanwhile must not take the same room, and finds the other half of it.
        most = (self._capacity.left + 1) // 2
        with self._capacity.reserved(most):
            claimed = await self._writer.ask(Claim(most, self._elsewhere() if self._database.shared else frozenset()))
        if len(claimed.turns) == most:
            self._wake.set()
        return claimed

    def _pause(self, next_in: float | None) -> float | None:
        if self._database.shared:
            return _POLL_SECONDS if next_in is None else max(0.02, min(next_in, _POLL_SECONDS))
        return REGULAR_LOOK_SECONDS if next_in is None else max(0.02, min(next_in, REGULAR_LOOK_SECONDS))

    async def _work(self, turn: Turn) -> None:
        """Run a lane's turns until it is empty, lost or given back."""
        lane = turn.lane
        current: Turn | None = turn
        try:
            while current is not None:
                current = await self._one(current)
        except LaneLost as error:
            log.warning("lane_lost", lane=lane, reason=str(error))
            self._suspect_orphans()
        except Exception:  # the edge of a lane: it must not stay ours with nobody to run it
            log.exception("lane_broke", lane=lane)
            self._storm.note()
            self._suspect_orphans()
        finally:
            if self._tasks.get(lane) is asyncio.current_task():
                del self._tasks[lane]
            self._capacity.tell()

    async def _one(self, turn: Turn) -> Turn | None:
        self._current[turn.id] = turn.lane
        try:
            verdict = await self._verdict(turn)
        except asyncio.CancelledError:
            if turn.id not in self._stopping:
                # With the database away there is nobody to tell; the next start frees the lane by itself.
                with suppress(TimeoutError, LaneLost, WriteRefused):
                    async with asyncio.timeout(_LAST_SECONDS):
                        await self._insistent.write(ReleaseLane(turn))
                raise
            verdict = Finished("stopped")
        except LaneLost:
            raise
        except Exception as error:  # the edge of a turn: whatever is wrong with it, it ends, and its person goes on
            log.exception("turn_broke", trace=str(turn.id), key=turn.event.key, attempts=turn.attempts + 1)
            verdict = self._broken(turn, error)
        finally:
            del self._current[turn.id]
            self._stopping.discard(turn.id)
        match verdict:
            case Finished():
                go_on = self._may_begin()
                following = await self._insistent.write_to_the_end(Close(turn, verdict, go_on=go_on))
                if not go_on:
                    # The lane's next turn waits to be claimed, and the last look may have been before it did.
                    self._wake.set()
                return following
            case Postponed():
                await self._insistent.postpone(turn, verdict)
                self._wake.set()
                return None

    def _broken(self, turn: Turn, error: Exception) -> Verdict:
        self._storm.note()
        reason = f"{type(error).__name__} in the turn itself"
        # Where turns end by themselves, the last beginning is the apology's.
        if turn.attempts > self._turn_attempts:
            log.error("turn_failed", trace=str(turn.id), reason=reason, apology="not sent: making it failed, too")
            return Finished("failed", reason=reason)
        return Postponed(pause_after(turn.attempts), reason)

    async def _verdict(self, turn: Turn) -> Verdict:
        if not turn.stopped:
            await self._admission.wait()
        if self._run is None:
            if turn.stopped:
                return Finished("stopped")
            raise asyncio.CancelledError
        return await self._run(turn)

    # Who wakes and who stops whom ------------------------------------------------------------------------------

    def _on_notification(self, word: str) -> None:
        if word == "ready":
            self._wake.set()
        elif word.startswith("stop:"):
            self._cancel(int(word.removeprefix("stop:")))

    def _cancel(self, turn_id: int) -> None:
        lane = self._current.get(turn_id)
        if lane is not None and lane in self._tasks:
            self._stopping.add(turn_id)
            self._tasks[lane].cancel(STOPPED)

    def _let_go(self) -> None:
        """Drop every turn: others have been given our lanes."""
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            task.cancel()
        self._suspect_orphans()

    def _suspect_orphans(self) -> None:
        self._orphans.suspect()
        self._wake.set()


def _log_late_failure(done: asyncio.Future[Accepted]) -> None:
    if not done.cancelled() and done.exception() is not None:
        log.warning("late_accept_failed", error=str(done.exception()))
