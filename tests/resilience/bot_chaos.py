"""Kills and freezes webot at random moments while people talk to its AI bot, with mishaps of the way to WeCom between.

What was accepted is what the database has, and what WeCom has heard so of: by status 200 where the bot is called
back, by the first dots where it is connected.
"""

import asyncio
import re
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from adapters.aibot.event_reader import event_key
from adapters.aibot.frames import stream_id_of
from adapters.simulator.faults import BotMishapName
from adapters.simulator.phone import Phone
from adapters.simulator.platform.timeline import Delivered
from storage.database.access import open_for_cli
from storage.monitoring.status import TurnStatus, turn_statuses
from tests.resilience.bot_cluster import BotCluster

_TAG = re.compile(r"\bp\d+m\d+\b")
_NOTED = 5.0
"""Seconds between WeCom's having a frame and webot's note of it, on a machine that is far too busy."""
_EDGE = 0.5
_ASKED_AGAIN = 12.0
"""Seconds in which webot, not told of a frame, waits, asks whether the connection stands, and sends it again."""
_FROZEN_SECONDS = 18.0
"""More than a lease of lanes and one of the connection."""
_DROPS = 0.08
"""Of the mishaps of a connection; each loses what is said until it is back."""
_LAST_LOOK = 60.0
_START_SECONDS = 300.0
"""Within which a process must be back, on a machine that has far more to do."""
_SETTLED = 90.0
"""Seconds without a turn's end after which none is waited for."""
_MISHAPS: Mapping[str, tuple[BotMishapName, ...]] = {
    "connection": ("late_ack", "lose_ack", "conflict", "not_subscribed"),
    "callback": ("lose_answer", "lose_answer", "stop_asking"),
}


@dataclass(frozen=True, slots=True)
class BotPlan:
    """What shall happen; a third of the people speak in groups of two."""

    kills: int
    freezes: int = 0
    people: int = 18
    pause: float = 5.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Said:
    """A message that a member sent: the mark its answer must have, and whether the bot took it."""

    chat: Phone
    tag: str
    key: str
    at: float
    accepted: bool

    @property
    def stream(self) -> str:
        """Return the id of its answer's stream."""
        return stream_id_of(self.key)


@dataclass(slots=True)
class BotChaos:
    """What happened; every list but the moments should be empty."""

    said: int = 0
    accepted: int = 0
    kills: list[float] = field(default_factory=list)
    drops: list[float] = field(default_factory=list)
    freezes: list[tuple[float, float]] = field(default_factory=list)
    withheld: list[float] = field(default_factory=list)
    """When the answer to a frame was lost or late."""
    lost: list[str] = field(default_factory=list)
    """What the bot took, and the database does not have."""
    unanswered: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    """Answers that came again though nothing died, froze or dropped while they were under way."""
    under_way: int = 0
    """Answers that came again since something did."""
    spinning: list[str] = field(default_factory=list)
    """Bubbles that still grow, of processes that live, and that WeCom has asked for to the end."""
    left: int = 0
    """Bubbles of processes that died."""

    @property
    def violations(self) -> tuple[list[str], ...]:
        """Return what should be empty."""
        return self.lost, self.unanswered, self.disordered, self.twice, self.spinning

    def excuses(self, first: float, second: float) -> bool:
        """Whether something died, froze or dropped between a first answer and webot's note of it."""
        moments = [*self.kills, *self.drops, *(began for began, _ in self.freezes)]
        untold = any(abs(moment - first) < _EDGE for moment in self.withheld)
        noted = _NOTED + (_ASKED_AGAIN if untold else 0.0)
        return any(0 <= moment - first + _EDGE < noted for moment in moments) or any(
            began <= second and 0 <= second - ended < _NOTED for began, ended in self.freezes
        )

    def around(self, first: float, second: float) -> str:
        """Return what happened about two moments, in seconds from the first."""
        what = {"kills": self.kills, "drops": self.drops, "freezes": [began for began, _ in self.freezes]}
        what |= {"thaws": [ended for _, ended in self.freezes], "withheld": self.withheld}
        near = {
            name: [round(moment - first, 1) for moment in moments if first - _NOTED < moment < second + _NOTED]
            for name, moments in what.items()
        }
        return ", ".join(f"{name} {moments}" for name, moments in near.items() if moments)


async def bot_chaos(cluster: BotCluster, processes: int, plan: BotPlan) -> BotChaos:
    """Kill one process after the other, and report what became of everything said."""
    random = Random(plan.seed)  # noqa: S311 -- a seed makes a run repeatable
    happened = BotChaos()
    await cluster.start(processes)
    if cluster.mode == "connection":
        await cluster.simulator.bots.connected(cluster.app, within=60)
    quiet = asyncio.Event()
    said: list[Said] = []
    phones = list(_phones(cluster, plan))
    talking = [
        asyncio.create_task(_talk(cluster, person, phone, random, plan.pause, quiet, said))
        for person, phone in enumerate(phones)
    ]
    mishaps = asyncio.create_task(_mishaps(cluster, random, quiet, happened))
    try:
        for kill in range(plan.kills):
            if cluster.mode == "connection":
                # What is said while nobody is connected reaches nobody: there must be something to lose.
                await cluster.simulator.bots.connected(cluster.app, within=_START_SECONDS)
            await asyncio.sleep(random.uniform(0.2, 2.5))
            service = cluster.services[kill % processes]
            cluster.call(cluster.services[(kill + 1) % processes])
            happened.kills.append(time.time())
            await service.kill()
            await service.start(within=_START_SECONDS)
        for freeze in range(plan.freezes):
            await asyncio.sleep(random.uniform(0.2, 2.5))
            service = cluster.services[freeze % processes]
            cluster.call(cluster.services[(freeze + 1) % processes])
            began = time.time()
            service.signal(signal.SIGSTOP)
            await asyncio.sleep(_FROZEN_SECONDS)
            service.signal(signal.SIGCONT)
            happened.freezes.append((began, time.time()))
        await asyncio.sleep(1.0)
    finally:
        quiet.set()
        await asyncio.gather(*talking, mishaps)
    found = await _settled(cluster, [one.key for one in said])
    if cluster.mode == "callback":
        # The end of a stream that WeCom asks for is fetched a moment after.
        await asyncio.gather(*(_closed(phone, cluster.simulator.bots.poller.given_up) for phone in phones))
    _judge(cluster, happened, said, found)
    return happened


def _phones(cluster: BotCluster, plan: BotPlan) -> Iterator[Phone]:
    for person in range(plan.people):
        group = f"wrGroup{person // 6}" if person % 3 == 0 else ""
        yield cluster.simulator.phone(f"u{person}", agent_id=cluster.app.agent_id, group=group)


async def _talk(
    cluster: BotCluster,
    person: int,
    phone: Phone,
    random: Random,
    pause: float,
    quiet: asyncio.Event,
    said: list[Said],
) -> None:
    number = 0
    await _wait(quiet, random.uniform(0, pause))
    while not quiet.is_set():
        tag = f"p{person}m{number}"
        number += 1
        at = time.time()
        posting = await phone.say(f"@{phone.app.name} {tag} please" if phone.group else f"{tag} please")
        said.append(Said(phone, tag, event_key(cluster.app.bot_id, posting.msg_id), at, posting.accepted))
        await _wait(quiet, random.uniform(0.5, 1.5) * pause)


async def _mishaps(cluster: BotCluster, random: Random, quiet: asyncio.Event, happened: BotChaos) -> None:
    bots = cluster.simulator.bots
    while not quiet.is_set():
        await _wait(quiet, random.uniform(0.5, 1.5))
        if cluster.mode == "connection" and random.random() < _DROPS:
            happened.drops.append(time.time())
            await bots.drop(cluster.app)
        elif not cluster.simulator.faults.rules():
            # One at a time: a refusal whose answer is lost, too, is one that nobody can know of.
            name = random.choice(_MISHAPS[cluster.mode])
            if name == "not_subscribed":
                happened.drops.append(time.time())
            bots.add_fault(name)
    cluster.simulator.clear_faults()


async def _settled(cluster: BotCluster, keys: Sequence[str]) -> Mapping[str, TurnStatus]:
    """Wait until every turn there is has ended, or none has for so many seconds."""
    async with open_for_cli(cluster.database_url) as database:
        open_before, until = -1, time.monotonic() + _SETTLED
        while True:
            found = await turn_statuses(database, keys)
            still = sum(not turn.is_over for turn in found.values())
            if not still or time.monotonic() > until:
                break
            if still != open_before:
                open_before, until = still, time.monotonic() + _SETTLED
            await asyncio.sleep(0.2)
    return found


def _judge(cluster: BotCluster, happened: BotChaos, said: Sequence[Said], found: Mapping[str, TurnStatus]) -> None:
    happened.said = len(said)
    happened.withheld += cluster.simulator.bots.withheld
    chats: dict[str, list[Said]] = defaultdict(list)
    for one in said:
        chats[one.chat.group or one.chat.user].append(one)
    for name, spoken in chats.items():
        entries = [entry for entry in spoken[0].chat.entries() if isinstance(entry, Delivered)]
        bubbles = {entry.msgid: entry for entry in entries}
        came: dict[str, list[float]] = defaultdict(list)
        given: dict[str, float] = {}
        for entry in entries:
            for tag in () if entry.streaming else _TAG.findall(entry.text):
                came[tag].append(entry.at)
                given.setdefault(tag, cluster.simulator.bots.poller.asked_for_whole.get(entry.msgid, entry.at))
        taken = [one for one in spoken if one.key in found]
        reported = [one for one in spoken if (one.accepted if cluster.mode == "callback" else one.stream in bubbles)]
        happened.accepted += len(taken)
        happened.lost += [f"{name}: {one.tag}" for one in reported if one.key not in found]
        happened.unanswered += [f"{name}: {one.tag} ({found[one.key].state})" for one in taken if not came[one.tag]]
        in_order = [one.tag for one in sorted(taken, key=lambda each: found[each.key].turn) if came[one.tag]]
        happened.disordered += disordered([Answered(f"{name}: {tag}", given[tag], came[tag][0]) for tag in in_order])
        _count_repeated(happened, name, came)
        for one in spoken:
            is_asked_for = one.stream not in cluster.simulator.bots.poller.given_up
            if is_asked_for and one.stream in bubbles and bubbles[one.stream].streaming:
                _count_open(happened, name, one)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, when the bot may first have given it, and when it was there: between is WeCom's way, or its loss."""

    called: str
    given: float
    whole: float


def disordered(answers: Sequence[Answered]) -> list[str]:
    """Return those of a conversation, in the order asked, that cannot have been given in that order."""
    found: list[str] = []
    latest = Answered("", 0.0, 0.0)
    for answer in answers:
        if answer.whole < latest.given:
            found.append(f"{answer.called}, there {latest.given - answer.whole:.2f} s before {latest.called} was given")
        if answer.given > latest.given:
            latest = answer
    return found


def _count_repeated(happened: BotChaos, name: str, came: Mapping[str, Sequence[float]]) -> None:
    for tag, moments in came.items():
        for again in moments[1:]:
            if happened.excuses(moments[0], again):
                happened.under_way += 1
            else:
                about = happened.around(moments[0], again)
                happened.twice.append(f"{name}: {tag}, {again - moments[0]:.1f} s later; {about}")


def _count_open(happened: BotChaos, name: str, one: Said) -> None:
    ended = [*happened.kills, *(began for began, _ in happened.freezes)]
    if any(moment + _EDGE >= one.at for moment in ended):
        happened.left += 1
    else:
        happened.spinning.append(f"{name}: {one.tag}")


async def _closed(phone: Phone, given_up: Sequence[str]) -> None:
    """Return when no bubble grows any more, or after a while."""
    end = time.monotonic() + _LAST_LOOK
    while any(
        isinstance(entry, Delivered) and entry.streaming and entry.msgid not in given_up for entry in phone.entries()
    ):
        if time.monotonic() > end:
            return
        await asyncio.sleep(0.2)


async def _wait(quiet: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await quiet.wait()
