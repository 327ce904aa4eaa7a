"""The database goes away in the middle of work: nothing accepted is lost, and nothing is said to be accepted."""

import asyncio
import resource
from pathlib import Path

from tests.fork_server import ForkServer
from tests.resilience.cluster import Cluster, Service
from tests.resilience.postgres import Postgres
from tests.resilience.webhook_clients import LOST, Posted, lines, post_all, post_steadily
from tests.resilience.wecom_clients import WeComClients, settle

_SETTLED = 60.0


async def test_postgresql_may_restart_in_mid_run(tmp_path: Path, forks: ForkServer, restartable: Postgres) -> None:
    async with Cluster(tmp_path, forks=forks, database_url=await restartable.database(), model_delay=0.2) as cluster:
        services = [cluster.service(), cluster.service()]
        await asyncio.gather(*(service.start() for service in services))
        speakers = WeComClients(
            cluster,
            people=60,
            seed=1,
            pause=6.0,
            ports=lambda: [service.port for service in services],
            # On a busy machine an answer may take longer than WeCom waits; one that hangs takes longer than this.
            patience=30.0,
        )
        talking = asyncio.create_task(speakers.talk())
        await cluster.delivered("u0", count=1)
        for _ in range(3):
            await restartable.crash_and_restart()
            await cluster.delivered("u0", count=len(speakers.spoken[0].lines))
        speakers.hush()
        await talking
        account = await settle(cluster, speakers.spoken, within=_SETTLED)

        assert ([], []) == (account.unanswered, account.strays)
        # Answered with 500 in time, so that WeCom tries again: never left hanging, never refused for good.
        assert {500} >= set(speakers.refused)
        # A read that finds the database away is no fault of the answer's.
        assert not [fault for service in services for fault in service.faults() if "_broke" in fault]


async def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path, forks: ForkServer) -> None:
    async with Cluster(tmp_path, forks=forks) as cluster:
        service = await cluster.serve()
        before = [cluster.letter(f"u{person}", "before") for person in range(20)]
        accepted = await post_all(service.port, [letter.request() for letter in before], connections=4)
        _no_space(service, tmp_path)
        refused = [
            letter
            for letter in [cluster.letter(f"u{person}", "on a full disk " + "x" * 1500) for person in range(200)]
            if not await _accepted(service, letter.request())
        ]
        # The same callbacks come again once there is space, and others with them.
        _space_again(service)
        again = await post_all(service.port, [letter.request() for letter in refused], connections=4)
        for person in range(200):
            await cluster.delivered(f"u{person}", count=2 if person < 20 else 1)

        assert {200} == {posted.status for posted in accepted}
        assert refused
        assert {200} == {posted.status for posted in again}
        assert 220 == await cluster.total()


async def test_a_second_process_on_one_sqlite_file_is_refused(tmp_path: Path, forks: ForkServer) -> None:
    async with Cluster(tmp_path, forks=forks) as cluster:
        await cluster.serve()
        second = cluster.service()
        try:
            await second.start()
        except RuntimeError:
            code = await second.ended()

        assert 1 == code
        assert "另一个 webot 进程正在使用" in second.errors.read_text()


async def test_stopping_answers_callbacks_to_the_end_and_loses_nothing(tmp_path: Path, forks: ForkServer) -> None:
    async with Cluster(tmp_path, forks=forks, model_delay=1.0) as cluster:
        first = await cluster.serve()
        letters = [cluster.letter(f"u{number % 50}", f"m{number}l0") for number in range(300)]
        posting = asyncio.create_task(
            post_steadily(first.port, [letter.request() for letter in letters], per_second=100)
        )
        await cluster.delivered("u0", count=1)
        code = await first.stop()
        posted = await posting
        accepted = [letter for letter, one in zip(letters, posted, strict=True) if one.status == 200]
        second = await cluster.serve()
        lost = [letter for letter, one in zip(letters, posted, strict=True) if one.status != 200]
        await post_all(second.port, [letter.request() for letter in lost], connections=4)
        for user in {letter.said.user for letter in letters}:
            await cluster.delivered(user, count=6)

        assert 0 == code
        assert {200, LOST} >= {one.status for one in posted}
        assert len(accepted) > 100
        assert 300 == await cluster.total()


async def _accepted(service: Service, request: bytes) -> bool:
    async with lines(service.port, 1) as (line,):
        posted: Posted = await line.post(request)
    assert posted.status in {200, 500}
    return posted.status == 200


def _no_space(service: Service, folder: Path) -> None:
    """Let no file of the process grow past what the largest is now: writes fail as on a full disk."""
    largest = max(path.stat().st_size for path in folder.iterdir() if path.name.startswith("webot.db"))
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))


def _space_again(service: Service) -> None:
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
