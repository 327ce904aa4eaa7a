"""Kills webot at random moments under load: `--kills 100`, on SQLite and on PostgreSQL with two processes."""

import argparse
import time

from benchmarks.harness import programme, town
from benchmarks.tables import Row, at_most, seen, table
from tests.resilience.chaos import Chaos, Plan, chaos
from tests.resilience.postgres import postgres

# A turn counts as begun whatever ends it: these kills hit some more often than an operator would let them be begun.
_SETTINGS = {"WEBOT_CHAT__THINKING_SECONDS": "0", "WEBOT_LIMITS__TURN_ATTEMPTS": "100"}


async def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--freezes", type=int, default=1, help="on PostgreSQL, after the kills")
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = options.parse_args()
    if asked.only != "postgresql":
        async with town(model_delay=0.2, settings=_SETTINGS) as place:
            plan = Plan(kills=asked.kills, seed=asked.seed)
            _tell(f"SQLite, seed {asked.seed}", await chaos(place, [place.service()], plan))
    if asked.only != "sqlite":
        async with postgres() as server:
            url = await server.database()
            async with town(database_url=url, model_delay=0.2, settings=_SETTINGS) as place:
                plan = Plan(kills=asked.kills, freezes=asked.freezes, seed=asked.seed)
                _tell(
                    f"PostgreSQL, two processes, seed {asked.seed}",
                    await chaos(place, [place.service(), place.service()], plan),
                )


def _tell(title: str, happened: Chaos) -> None:
    account = happened.account
    late = sum(again.late for again in account.twice)
    rows: list[Row] = [
        seen("killed", len(happened.kills), "", digits=0),
        seen("frozen beyond the lease", len(happened.freezes), "", digits=0),
        seen("messages accepted", account.accepted, "", digits=0),
        seen("parts of answers", account.parts, "", digits=0),
        at_most("people still owed something", len(account.unanswered), 0, "", digits=0),
        at_most("out of order, or nobody's", len(account.strays), 0, "", digits=0),
        at_most("twice without being under way", len(happened.unexplained), 0, "", digits=0),
        seen("twice because under way", len(account.twice), "", digits=0),
        seen("  of them late, from a frozen process", late, "", digits=0),
        seen("posts that had to be repeated", len(happened.refused), "", digits=0),
    ]
    table(title, rows)
    for line in (*account.unanswered[:5], *account.strays[:5], *map(str, happened.unexplained[:5])):
        print(line)


if __name__ == "__main__":
    programme(main)
