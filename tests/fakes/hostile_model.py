"""A model that gives hostile answers to questions that ask for one, and echoes all others: a program for benchmarks.

A question says `poison N`: the same N gets the same answer under the same `--seed`, from every process.
"""

import argparse
import asyncio
import re
import signal
from collections.abc import Mapping
from random import Random
from typing import Any

from tests.fakes.hostile_answers import hostile_answer
from tests.fakes.openai_server import Act, OpenAIServer, echo

_ASKED = re.compile(r"poison (\d+)\Z")


def answers(seed: int, body: Mapping[str, Any]) -> Act:
    """Return what a question gets."""
    last = body["messages"][-1]["content"]
    asked = _ASKED.search(last) if isinstance(last, str) else None
    return echo(body) if asked is None else hostile_answer(Random(f"{seed} {asked[1]}"))  # noqa: S311 -- the same for a seed


async def _serve(port: int, seed: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with OpenAIServer(port=port, otherwise=lambda body: answers(seed, body), remembers=False) as server:
        print(server.base_url, flush=True)  # noqa: T201 - the parent reads the address from here
        await stop.wait()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(_serve(options.port, options.seed))


if __name__ == "__main__":
    main()
