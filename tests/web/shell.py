"""The command `webot` in a process of its own, as an operator runs it beside a service."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a verb ended, and what it printed."""

    code: int
    out: str
    err: str


async def webot(*args: str, folder: Path, environ: Mapping[str, str] | None = None) -> Ran:
    """Run a verb to its end, with none of this process's own settings."""
    running = await start(*args, folder=folder, environ=environ)
    async with asyncio.timeout(60):
        out, err = await running.communicate()
    assert running.returncode is not None
    return Ran(running.returncode, out.decode(), err.decode())


async def start(*args: str, folder: Path, environ: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """Start a verb, with none of this process's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEBOT_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from web.cli import main; sys.exit(main())",
        *args,
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | dict(environ or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def free_port() -> int:
    """Give a port nobody listens on at present."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
