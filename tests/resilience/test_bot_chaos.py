"""Webot killed while people talk to its bot; `python -m benchmarks.bot_chaos` does the same a hundred times."""

from pathlib import Path

import pytest

from tests.fork_server import ForkServer
from tests.resilience.bot_chaos import BotPlan, bot_chaos
from tests.resilience.bot_cluster import BotCluster, Mode

# As for the application: these kills hit some turns more often than an operator would let them be begun.
SETTINGS = {"WEBOT_CHAT__THINKING_SECONDS": "0", "WEBOT_LIMITS__TURN_ATTEMPTS": "100"}


@pytest.mark.parametrize("mode", ["connection", "callback"])
async def test_a_killed_bot_loses_nothing_and_keeps_everybodys_order(
    tmp_path: Path, forks: ForkServer, mode: Mode
) -> None:
    async with BotCluster(tmp_path, mode, settings=SETTINGS, forks=forks) as cluster:
        happened = await bot_chaos(cluster, 1, BotPlan(kills=2))

        assert happened.accepted > 0
        assert ([], [], [], [], []) == happened.violations, happened
