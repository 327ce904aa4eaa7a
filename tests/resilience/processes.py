"""Programs under test, each a real process: started, watched, stopped, frozen and killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil  # type: ignore[import-untyped]

from tests.fork_server import ForkedProcess, ForkServer

_END = 180.0
"""Seconds after which a program that was told to end is held to hang: one of low priority may wait for a core."""

_PYTHON = [sys.executable, "-m"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: CPU in seconds since its start, resident memory now in bytes."""

    cpu: float
    rss: int


class Program:
    """One process; its first line on stdout says that it is ready, stderr goes to a file.

    A module of this Python is started by `forks` if that is given, which saves the imports.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        name: str,
        environ: Mapping[str, str] | None = None,
        cpus: Collection[int] = (),
        forks: ForkServer | None = None,
    ) -> None:
        self.name = name
        self.errors = folder / f"{name}.stderr"
        self._argv = argv
        self._folder = folder
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WEBOT_")},
            # Without compiled bytecode every start is twice as slow, and there are many.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **(environ or {}),
        }
        self._cpus = cpus
        self._forks = forks
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None
        self._reading: asyncio.Task[None] | None = None
        self.said: list[str] = []
        """Its lines on stdout."""

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *, within: float = 180.0) -> str:
        """Start, and give the first line it prints; `RuntimeError` with what it said if it ends before."""
        with self.errors.open("ab") as errors:
            self._process = await self._run(errors)
        if self._cpus:
            os.sched_setaffinity(self._process.pid, self._cpus)
        assert self._process.stdout is not None
        async with asyncio.timeout(within):
            line = (await self._process.stdout.readline()).decode().strip()
        if not line:
            raise RuntimeError(f"{self.name} has ended: {self.errors.read_text()[-2000:]}")
        self.said.append(line)
        self._reading = asyncio.create_task(self._read(self._process.stdout))
        return line

    async def _run(self, errors: IO[bytes]) -> asyncio.subprocess.Process | ForkedProcess:
        if self._forks is not None and self._argv[:2] == _PYTHON:
            return await self._forks.start(self._argv[2:], folder=self._folder, environ=self._environ, errors=errors)
        return await asyncio.create_subprocess_exec(
            *self._argv,
            cwd=self._folder,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self.runs:
            self._process.kill()
        await self.ended()

    async def stop(self) -> int:
        """Tell it to end, and give its exit code."""
        if self._process is not None and self.runs:
            self._process.terminate()
        return await self.ended()

    async def ended(self, *, within: float = _END) -> int:
        """Return its exit code once it has ended."""
        assert self._process is not None
        async with asyncio.timeout(within):
            code = await self._process.wait()
            if self._reading is not None:
                await self._reading
        return code

    def usage(self) -> Usage:
        """Give what it has used so far."""
        process = psutil.Process(self.pid)
        times = process.cpu_times()
        return Usage(times.user + times.system, process.memory_info().rss)

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            self.said.append(line.decode().strip())


def module(name: str, *arguments: str) -> list[str]:
    """Give the command line of a Python module."""
    return [*_PYTHON, name, *arguments]
