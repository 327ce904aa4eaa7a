"""People who go on talking while webot dies and comes back, and the account of what they were answered."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from adapters.simulator.platform.timeline import Delivered
from tests.resilience.cluster import Cluster
from tests.resilience.webhook_clients import LOST, PATIENCE, Letter, WebhookConnection, dial

_OK = 200
_AGAIN_SECONDS = 0.2
_TAG = re.compile(r"\bm(\d+)l(\d+)\b")
_LONG = 60
"""Lines of a long message; its echo takes three messages of WeCom."""

Tag = tuple[int, int]
"""A line of a message: the message's number and the line's."""


@dataclass(slots=True)
class ScriptedMember:
    """What one person said that was accepted, in order: for each message how many lines it had."""

    user: str
    lines: list[int] = field(default_factory=list)

    @property
    def tags(self) -> list[Tag]:
        """Every line that must be answered, in order."""
        return [(number, line) for number, lines in enumerate(self.lines) for line in range(lines)]


def words(number: int, lines: int) -> str:
    """Write a message whose every line can be found again in its echo."""
    return "\n".join(f"m{number}l{line} " + "padding " * 12 for line in range(lines))


class WeComClients:
    """So many people, each saying the next thing once the one before was accepted, as somebody in WeCom does."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        people: int,
        seed: int,
        pause: float,
        ports: Callable[[], Sequence[int]],
        patience: float = PATIENCE,
    ) -> None:
        self._cluster = cluster
        self._random = Random(seed)  # noqa: S311 -- a seed makes a run repeatable
        self._pause = pause
        self._ports = ports
        self._patience = patience
        self._quiet = asyncio.Event()
        self.spoken = [ScriptedMember(f"u{person}") for person in range(people)]
        self.refused: list[int] = []
        """Every status that was not 200, lost answers included; not that of a connection closed while it was idle."""

    async def talk(self) -> None:
        """Talk until `hush`."""
        async with asyncio.TaskGroup() as group:
            for spoken in self.spoken:
                group.create_task(self._one(spoken))

    def hush(self) -> None:
        """Let everybody finish the message they are at, and say no more."""
        self._quiet.set()

    async def _one(self, spoken: ScriptedMember) -> None:
        line: WebhookConnection | None = None
        # Not all at the same moment.
        await self._wait(self._random.uniform(0, self._pause))
        while not self._quiet.is_set():
            for _ in range(self._random.choice((1, 1, 3))):
                lines = _LONG if self._random.random() < 0.1 else 1
                letter = self._cluster.letter(spoken.user, words(len(spoken.lines), lines))
                line = await self._until_accepted(letter, line)
                spoken.lines.append(lines)
            await self._wait(self._random.uniform(0.5, 1.5) * self._pause)
        if line is not None:
            line.close()

    async def _until_accepted(self, letter: Letter, line: WebhookConnection | None) -> WebhookConnection:
        """Post as often as it takes; what was accepted though the answer was lost is accepted again."""
        while True:
            idle = line is not None
            if line is None or not line.is_open:
                idle = False
                try:
                    line = await dial(self._random.choice(self._ports()))
                except OSError:
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
            posted = await line.post(letter.request(), patience=self._patience)
            if posted.status == _OK:
                return line
            # The other side may have been just closing a connection that had been idle for long.
            if not (idle and posted.status == LOST and posted.seconds < self._patience):
                self.refused.append(posted.status)
            if posted.status != LOST:
                await asyncio.sleep(_AGAIN_SECONDS)
            line = None

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            pass


@dataclass(slots=True)
class Account:
    """What came of it all."""

    accepted: int = 0
    parts: int = 0
    """Messages of WeCom that were due."""
    unanswered: list[str] = field(default_factory=list)
    """Who is still owed something, and what."""
    strays: list[str] = field(default_factory=list)
    """What came that was not next in its person's order."""
    twice: list["Duplicate"] = field(default_factory=list)
    """Messages that came a second time."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A message of WeCom that came again; `late` is whether others came between the two."""

    user: str
    first: float
    second: float
    late: bool


async def settle(cluster: Cluster, spoken: Sequence[ScriptedMember], *, within: float) -> Account:
    """Wait until everything is answered, or nobody has been for so many seconds, and give the account."""
    account = Account(accepted=sum(len(one.lines) for one in spoken))
    answered = 0
    for one in spoken:
        if not one.lines:
            continue
        wanted = len(one.lines)
        while True:
            came = await _came(cluster, one.user, wanted, within)
            following, twice, strays = read(one, came)
            if following == len(one.tags):
                break
            if len(came) < wanted:
                # People wait behind one another: a backlog that shrinks is no loss.
                before, answered = answered, await cluster.total()
                if answered == before:
                    break
                continue
            # Long answers take several messages, and some may have come twice: there must be at least one more.
            wanted = len(came) + 1
        account.parts += len(came) - len(twice) - len(strays)
        account.twice += twice
        account.strays += [f"{one.user}: {text[:80]!r}" for text in strays]
        if following < len(one.tags):
            account.unanswered.append(f"{one.user}: from m{one.tags[following][0]}l{one.tags[following][1]} on")
    return account


async def _came(cluster: Cluster, user: str, wanted: int, within: float) -> Sequence[Delivered]:
    try:
        return await cluster.delivered(user, count=wanted, within=within)
    except TimeoutError:
        return await cluster.delivered(user, count=0)


def read(spoken: ScriptedMember, came: Sequence[Delivered]) -> tuple[int, list[Duplicate], list[str]]:
    """Give how many lines were answered in order, which messages came again, and what is foreign."""
    tags, following = spoken.tags, 0
    seen: dict[tuple[Tag, ...], float] = {}
    last: tuple[Tag, ...] = ()
    twice: list[Duplicate] = []
    strays: list[str] = []
    for message in came:
        here = tuple((int(number), int(line)) for number, line in _TAG.findall(message.text))
        if here and list(here) == tags[following : following + len(here)]:
            following += len(here)
            seen[here], last = message.at, here
        elif here in seen:
            twice.append(Duplicate(spoken.user, seen[here], message.at, late=here != last))
        else:
            strays.append(message.text)
    return following, twice, strays
