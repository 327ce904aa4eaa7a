"""Kills webot at random moments while people talk to it, and brings it back."""

import asyncio
import signal
import time
from dataclasses import dataclass
from random import Random

from tests.resilience.cluster import Cluster, Service
from tests.resilience.wecom_clients import Account, Duplicate, WeComClients, settle

_LEASE = 12.0
"""Seconds after which other processes take a silent one's lanes (storage/turns/lease.py)."""
_TAKEN_OVER = _LEASE + _LEASE / 3 + 2.0
_SETTLED = 90.0
"""Seconds without any answer after which none is waited for: more than the minute WeCom's limit may take."""
_NOTED = 5.0
"""Seconds between WeCom's having a message and webot's note of it, on a machine that is far too busy."""
_EDGE = 0.5
"""What reached WeCom's socket before a process died may be read from it a moment later."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall happen: `kills` by SIGKILL, then `freezes` by SIGSTOP for longer than a lease."""

    kills: int
    freezes: int = 0
    people: int = 80
    pause: float = 6.0
    seed: int = 1


@dataclass(slots=True)
class Chaos:
    """What happened."""

    account: Account
    kills: list[float]
    """When a process was killed, in seconds since 1970."""
    freezes: list[tuple[float, float]]
    """When a process was stopped and when it went on."""
    refused: list[int]
    """Every status of a callback that was not 200, 0 for no answer."""
    faults: list[str]

    @property
    def unexplained(self) -> list[Duplicate]:
        """Give what came twice though no process died or froze while it was under way.

        Under way is what WeCom has and webot has not noted yet. A frozen process may wake up between its last look
        at the lease and the first byte to WeCom: what it sends then comes late.
        """
        moments = [*self.kills, *(began for began, _ in self.freezes)]
        return [
            again
            for again in self.account.twice
            if not (
                (not again.late and any(0 <= moment - again.first + _EDGE < _NOTED for moment in moments))
                or any(began <= again.second and 0 <= again.second - ended < _NOTED for began, ended in self.freezes)
            )
        ]


async def chaos(cluster: Cluster, services: list[Service], plan: Plan) -> Chaos:
    """Kill one process after the other; with several, the others go on meanwhile."""
    random = Random(plan.seed)  # noqa: S311 -- a seed makes a run repeatable
    kills: list[float] = []
    freezes: list[tuple[float, float]] = []
    speakers = WeComClients(
        cluster,
        people=plan.people,
        seed=plan.seed,
        pause=plan.pause,
        ports=lambda: [service.port for service in services],
    )
    await asyncio.gather(*(service.start() for service in services))
    talking = asyncio.create_task(speakers.talk())
    try:
        for kill in range(plan.kills):
            service = services[kill % len(services)]
            await asyncio.sleep(random.uniform(0.2, 2.5))
            kills.append(time.time())
            await service.kill()
            await service.start()
        for freeze in range(plan.freezes):
            service = services[freeze % len(services)]
            await asyncio.sleep(random.uniform(0.2, 2.5))
            began = time.time()
            service.signal(signal.SIGSTOP)
            await asyncio.sleep(_TAKEN_OVER)
            freezes.append((began, time.time()))
            service.signal(signal.SIGCONT)
        await asyncio.sleep(1.0)
    finally:
        speakers.hush()
        await talking
    account = await settle(cluster, speakers.spoken, within=_SETTLED)
    faults = [fault for service in services for fault in service.faults()]
    return Chaos(account, kills, freezes, speakers.refused, faults)
