"""Webot killed and frozen under load; `python -m benchmarks.chaos` does the same a hundred times."""

from pathlib import Path

from tests.fork_server import ForkServer
from tests.resilience.chaos import Chaos, Plan, chaos
from tests.resilience.cluster import Cluster
from tests.resilience.postgres import Postgres

# A word in passing while a lane waits for its dead owner's lease would be a message more.
# A turn counts as begun whatever ends it: these kills hit some more often than an operator would let them be begun.
_SETTINGS = {"WEBOT_CHAT__THINKING_SECONDS": "0", "WEBOT_LIMITS__TURN_ATTEMPTS": "100"}


async def test_a_killed_service_loses_nothing_and_keeps_everybodys_order(tmp_path: Path, forks: ForkServer) -> None:
    async with Cluster(tmp_path, forks=forks, model_delay=0.2, settings=_SETTINGS) as cluster:
        happened = await chaos(cluster, [cluster.service()], Plan(kills=3))

        _nothing_went_wrong(happened)


async def test_of_two_processes_one_may_die_or_freeze_at_any_time(
    tmp_path: Path, forks: ForkServer, restartable: Postgres
) -> None:
    database_url = await restartable.database()
    async with Cluster(
        tmp_path, forks=forks, database_url=database_url, model_delay=0.2, settings=_SETTINGS
    ) as cluster:
        happened = await chaos(cluster, [cluster.service(), cluster.service()], Plan(kills=2, freezes=1))

        _nothing_went_wrong(happened)


def _nothing_went_wrong(happened: Chaos) -> None:
    account = happened.account
    assert account.accepted > 0
    # With all that happened: a failure under load may not come a second time.
    assert ([], [], []) == (account.unanswered, account.strays, happened.unexplained), happened
