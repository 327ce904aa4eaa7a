"""Kills webot at random moments under its AI bot: `--kills 100`, in both modes, on either database."""

import argparse
import tempfile
import time
from pathlib import Path
from typing import get_args

from benchmarks.harness import programme
from benchmarks.tables import Row, at_most, seen, table
from tests.fork_server import ForkServer
from tests.resilience.bot_chaos import BotChaos, BotPlan, bot_chaos
from tests.resilience.bot_cluster import BotCluster, Mode
from tests.resilience.postgres import postgres
from tests.resilience.test_bot_chaos import SETTINGS


async def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--freezes", type=int, default=1, help="on PostgreSQL, after the kills")
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--only", choices=("sqlite", "postgresql"))
    options.add_argument("--mode", choices=get_args(Mode))
    asked = options.parse_args()
    for mode in get_args(Mode):
        if asked.mode in {None, mode}:
            if asked.only != "postgresql":
                plan = BotPlan(kills=asked.kills, seed=asked.seed)
                _tell(f"{mode}, SQLite, seed {asked.seed}", await _run(mode, "", 1, plan))
            if asked.only != "sqlite":
                plan = BotPlan(kills=asked.kills, freezes=asked.freezes, seed=asked.seed)
                async with postgres() as server:
                    happened = await _run(mode, await server.database(), 2, plan)
                _tell(f"{mode}, PostgreSQL, two processes, seed {asked.seed}", happened)


async def _run(mode: Mode, database_url: str, processes: int, plan: BotPlan) -> BotChaos:
    with tempfile.TemporaryDirectory(prefix="webot-bench-") as folder:
        # Forked, a process is there in a fraction of the three seconds of CPU that its imports take.
        forks = ForkServer()
        try:
            async with BotCluster(
                Path(folder), mode, database_url=database_url, settings=SETTINGS, forks=forks
            ) as cluster:
                return await bot_chaos(cluster, processes, plan)
        finally:
            forks.close()


def _tell(title: str, happened: BotChaos) -> None:
    rows: list[Row] = [
        seen("killed", len(happened.kills), "", digits=0),
        seen("frozen beyond the lease", len(happened.freezes), "", digits=0),
        seen("connections dropped", len(happened.drops), "", digits=0),
        seen("messages said", happened.said, "", digits=0),
        seen("of them accepted", happened.accepted, "", digits=0),
        at_most("accepted and lost", len(happened.lost), 0, "", digits=0),
        at_most("accepted and not answered", len(happened.unanswered), 0, "", digits=0),
        at_most("conversations out of order", len(happened.disordered), 0, "", digits=0),
        at_most("twice without being under way", len(happened.twice), 0, "", digits=0),
        seen("twice because under way", happened.under_way, "", digits=0),
        at_most("bubbles left spinning by a living process", len(happened.spinning), 0, "", digits=0),
        seen("bubbles left by dead processes", happened.left, "", digits=0),
    ]
    table(title, rows)
    for lines in happened.violations:
        for line in lines[:5]:
            print(line)


if __name__ == "__main__":
    programme(main)
