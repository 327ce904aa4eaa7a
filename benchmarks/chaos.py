"""SIGKILL at a hundred random moments under load: SQLite in one process, then PostgreSQL shared by two.

python -m benchmarks.chaos [--kills 100] [--freezes 5] [--only sqlite|postgresql]
"""

import argparse
import time

from benchmarks.harness import programme, town
from benchmarks.tables import Row, seen, table
from tests.resilience.chaos import Chaos, Plan, chaos
from tests.resilience.postgres import postgres

# A word in passing while a lane waits for its dead owner's lease would be a message more.
_SETTINGS = {"WEBOT_CHAT__THINKING_SECONDS": "0"}


async def main() -> None:
    """Run it."""
    arguments = _arguments()
    if arguments.only != "postgresql":
        async with town(model_delay=0.2, settings=_SETTINGS) as place:
            began = time.monotonic()
            happened = await chaos(place, [place.service()], Plan(kills=arguments.kills))
            _report("SQLite, one process", happened, time.monotonic() - began)
    if arguments.only != "sqlite":
        async with postgres() as server:
            url = await server.database()
            async with town(database_url=url, model_delay=0.2, settings=_SETTINGS) as place:
                began = time.monotonic()
                plan = Plan(kills=arguments.kills, freezes=arguments.freezes)
                happened = await chaos(place, [place.service(), place.service()], plan)
                _report("PostgreSQL, two processes, one killed at a time", happened, time.monotonic() - began)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--freezes", type=int, default=5)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    return parser.parse_args()


def _report(title: str, happened: Chaos, seconds: float) -> None:
    account = happened.account
    table(
        title,
        [
            seen("killed", len(happened.kills), "times", digits=0),
            seen("frozen beyond the lease", len(happened.freezes), "times", digits=0),
            seen("messages accepted", account.accepted, "", digits=0),
            _none("accepted and not answered, in order", account.unanswered),
            _none("answers to nothing that was asked", account.strays),
            seen("parts that came twice, under way at a kill", len(account.twice), "", digits=0),
            _none("parts that came twice otherwise", happened.unexplained),
            seen("took", seconds, "s", digits=0),
        ],
    )


def _none(what: str, found: object) -> Row:
    listed = list(found) if isinstance(found, list | tuple | set | dict) else [found]
    return Row(what, str(len(listed)), "(none)", holds=not listed)


if __name__ == "__main__":
    programme(main)
