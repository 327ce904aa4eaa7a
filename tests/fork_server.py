"""Starts Python modules as processes of their own by forking one that has imported what they need.

A start of webot is three seconds of work, nearly all of it imports; the tests of resilience start dozens.
Everything else is as ever: a process with its own environment, folder, streams and number, which can be killed.
"""

import asyncio
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TypedDict

_IMPORTED = (
    "alembic.command",
    "asyncpg",
    "diskcache",
    "httpcore2",
    "uvloop",
    "adapters.simulator.simulator",
    "adapters.wecom.channel",
    "chains.models.openai.openai_chat",
    "tests.fakes.openai_media",
    "web.commands.serve",
    "web.http.server",
    "web.loop",
)
_MOST_BYTES = 2**18
"""Of a request: an environment and a command line."""
_FILES = 4
"""Standard input, output and errors, and where the process's number and then its exit code are written."""


class Request(TypedDict):
    """A process to start: what follows `python -m`, its working folder, its environment."""

    arguments: list[str]
    folder: str
    environ: dict[str, str]


class ForkServer:
    """The process that is forked; started once and used from any event loop."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- this module
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=Path(__file__).parents[1],
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1"},
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """End the process; what it has started goes on."""
        self._requests.close()
        self._process.wait()

    async def start(
        self, arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str], errors: IO[bytes]
    ) -> "ForkedProcess":
        """Run `python -m` with these arguments."""
        request = Request(arguments=list(arguments), folder=str(folder), environ=dict(environ))
        out, their_out = os.pipe()
        report, their_report = os.pipe()
        with open(os.devnull, "rb") as nothing:  # noqa: ASYNC230, PTH123 -- a device, not a file
            files = [nothing.fileno(), their_out, errors.fileno(), their_report]
            socket.send_fds(self._requests, [json.dumps(request).encode()], files)
        os.close(their_out)
        os.close(their_report)
        reports = await _opened(report)
        return ForkedProcess(int(await reports.reader.readline()), await _opened(out), reports)


class ForkedProcess:
    """A process that was forked, as one of `asyncio.subprocess` looks."""

    def __init__(self, pid: int, stdout: "_Pipe", reports: "_Pipe") -> None:
        self.pid = pid
        self.stdout: asyncio.StreamReader | None = stdout.reader
        self.returncode: int | None = None
        self._ended = asyncio.create_task(self._note_end(stdout, reports))

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Tell it to end."""
        self.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        return await asyncio.shield(self._ended)

    async def _note_end(self, stdout: "_Pipe", reports: "_Pipe") -> int:
        self.returncode = int(await reports.reader.readline())
        await stdout.is_closed.wait()
        await reports.is_closed.wait()
        return self.returncode


class _Pipe(asyncio.StreamReaderProtocol):
    """The end of a pipe that is read."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self.is_closed = asyncio.Event()
        super().__init__(self.reader)

    def eof_received(self) -> bool:
        """Have the pipe closed, which uvloop does only when it is told so."""
        super().eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that there is nothing more."""
        super().connection_lost(exc)
        self.is_closed.set()


async def _opened(descriptor: int) -> _Pipe:
    file = os.fdopen(descriptor, "rb", buffering=0)
    _, pipe = await asyncio.get_running_loop().connect_read_pipe(_Pipe, file)
    return pipe


def _next_module(requests: socket.socket) -> list[str] | None:
    """Fork for each request; return in the new process with its command line, in the server at the end with nothing."""
    while True:
        request, files, _, _ = socket.recv_fds(requests, _MOST_BYTES, _FILES)
        if not request:
            return None
        watcher = os.fork()
        if not watcher:
            requests.close()
            *streams, report = files
            pid = os.fork()
            if not pid:
                os.close(report)
                return _become(json.loads(request), streams)
            _report_end(pid, report, streams)
        for each in files:
            os.close(each)
        _reap()


def _reap() -> None:
    """Take note of watchers that have ended: nobody else does."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _report_end(pid: int, report: int, streams: Sequence[int]) -> None:
    """Write a process's number, and its exit code once it has ended; then end as well."""
    try:
        for each in (0, 1, 2, *streams):
            os.close(each)
        os.write(report, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    finally:
        os._exit(0)


def _become(request: Request, streams: Sequence[int]) -> list[str]:
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    return request["arguments"]


def main() -> None:
    """Import what is often needed, then fork until there are no more requests."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    arguments = _next_module(requests)
    if arguments is not None:
        sys.argv = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
