"""The command `webot`, run in this process as its own process would, or truly in one."""

import asyncio
import atexit
import contextlib
import contextvars
import io
import os
import re
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryFile
from types import ModuleType
from typing import IO, Any

import web.commands
from tests.fork_server import ForkServer
from web.cli import main

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from web.cli import main; sys.exit(main())"

_ENGLISH = re.compile(r"(?<![\\w./=-])[A-Za-z][a-z']* [a-z']+,? [a-z']+(?![\\w.=/-])")

# The working folder, the environment, the umask and the standard streams are one for the whole process.
_alone = threading.Lock()


@dataclass(frozen=True, slots=True)
class Ran:
    """How a verb ended, and what it printed."""

    code: int
    out: str
    err: str


async def webot(*args: str, folder: Path, environ: Mapping[str, str] | None = None) -> Ran:
    """Run a verb to its end in this process, with none of its settings; `serve` in a fork of another."""
    if "serve" in args:  # it listens for signals, which the main thread alone may
        return await _webot_fork(*args, folder=folder, environ=environ)
    return await asyncio.to_thread(webot_here, *args, folder=folder, environ=environ)


def webot_here(
    *args: str,
    folder: Path,
    environ: Mapping[str, str] | None = None,
    package: ModuleType = web.commands,
    typed: str = "",
    encoding: str = "utf-8",
) -> Ran:
    """Run a verb to its end in a thread of this process, which reads what was `typed`; not for the event loop.

    Its terminal shows what an `encoding` has.
    """

    def run_verb() -> int:
        return main(package, args)

    # A thread for each verb: the niceness that a verb takes is its thread's, and there is no way back.
    with (
        # Files, because a verb may write to the stream's number.
        TemporaryFile("w+", encoding=encoding) as out,
        TemporaryFile("w+", encoding=encoding) as err,
        _alone,
        _process_of_its_own(folder, environ_for(environ)),
        _streams(out, err, typed),
        ThreadPoolExecutor(1, thread_name_prefix="webot") as thread,
    ):
        code = thread.submit(contextvars.copy_context().run, run_verb).result()
        return Ran(code, _written(out), _written(err))


@cache
def _fork_server() -> ForkServer:
    """Start what forks services without their imports, once in this process."""
    server = ForkServer()
    atexit.register(server.close)
    return server


async def _webot_fork(*args: str, folder: Path, environ: Mapping[str, str] | None) -> Ran:
    server = await asyncio.to_thread(_fork_server)
    with TemporaryFile() as errors:
        running = await server.start(["web.cli", *args], folder=folder, environ=environ_for(environ), errors=errors)
        assert running.stdout is not None
        try:
            # As long as another process has.
            async with asyncio.timeout(300):
                out, code = await asyncio.gather(running.stdout.read(), running.wait())
        except TimeoutError:
            running.kill()
            raise
        errors.seek(0)
        return Ran(code, out.decode(), errors.read().decode())


async def webot_process(
    *args: str, folder: Path, environ: Mapping[str, str] | None = None, most_bytes: int | None = None
) -> Ran:
    """Run a verb to its end in a process of its own, with none of this process's own settings.

    With `most_bytes`, no file of its own becomes larger, as on a disk that is full.
    """
    running = await start(*args, folder=folder, environ=environ, most_bytes=most_bytes)
    try:
        # Long enough for a machine that is far too busy.
        async with asyncio.timeout(300):
            out, err = await running.communicate()
    except TimeoutError:
        running.kill()
        await running.communicate()
        raise
    assert running.returncode is not None
    return Ran(running.returncode, out.decode(), err.decode())


async def start(
    *args: str,
    folder: Path,
    environ: Mapping[str, str] | None = None,
    most_bytes: int | None = None,
    stdout: int = asyncio.subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """Start a verb in a process of its own, with none of this process's own settings."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        MAIN,
        *args,
        cwd=folder,
        env=environ_for(environ),
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=partial(_prepare, most_bytes),
    )


def _prepare(most_bytes: int | None) -> None:
    # Tests that a shell runs in the background have Ctrl-C ignored, and would hand that on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))


def environ_for(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a verb: this process's without its settings, and what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEBOT_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | dict(environ or {})


def english_sentences(text: str) -> list[str]:
    """Return what looks like English in Chinese text: three words of letters in a row."""
    return _ENGLISH.findall(text)


def free_port() -> int:
    """Give a port nobody listens on at present."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _written(stream: IO[str]) -> str:
    stream.flush()
    stream.seek(0)
    # click writes UTF-8 to a terminal that says it has ASCII alone.
    if isinstance(stream, io.TextIOWrapper) and stream.encoding == "ascii":
        stream.reconfigure(encoding="utf-8")
    return stream.read()


class _Routed:
    """A standard stream of this process: a verb's own for the verb and what it starts, the real one for all else.

    A service that runs beside the verb in this process logs as well.
    """

    def __init__(self, real: IO[str], verbs: IO[str]) -> None:
        self._real = real
        self._verbs = verbs

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the stream has
        return getattr(self._verbs if _in_verb.get() else self._real, name)


_in_verb = contextvars.ContextVar("in_verb", default=False)


@contextlib.contextmanager
def _streams(out: IO[str], err: IO[str], typed: str) -> Iterator[None]:
    before = sys.stdin, sys.stdout, sys.stderr
    routed: Sequence[Any] = (io.StringIO(typed), _Routed(sys.stdout, out), _Routed(sys.stderr, err))
    sys.stdin, sys.stdout, sys.stderr = routed
    within = _in_verb.set(True)
    try:
        yield
    finally:
        _in_verb.reset(within)
        sys.stdin, sys.stdout, sys.stderr = before


@contextlib.contextmanager
def _process_of_its_own(folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    mask = os.umask(0)
    os.umask(mask)
    before = dict(os.environ)
    with contextlib.chdir(folder):
        try:
            os.environ.clear()
            os.environ.update(environ)
            time.tzset()
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            time.tzset()
            os.umask(mask)
