"""Decodes pictures and sounds in processes of their own, so that no file can take the service along."""

import asyncio
import atexit
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock

import structlog

from pipeline.errors import TryAgain
from pipeline.text.i18n import Sentence
from storage.media.decoder_jobs import BEGUN, Job, Made, Work, read_answer

log = structlog.get_logger()

# One picture may take a quarter of a gigabyte; sounds take little.
_PICTURES_AT_ONCE = 1
_SOUNDS_AT_ONCE = 2
SECONDS, CPU_SECONDS = 30, 10
_PATIENCE = 2.0 * SECONDS
_LEAVING_SECONDS = 5.0
_PIECE = 2**20


_KINDS: Mapping[Work, bytes] = {
    "fit picture": b"p",
    "shrink picture": b"p",
    "decode sound": b"s",
    "encode speech": b"s",
    "read pdf": b"d",
}
"""What the process loads for a job, once."""


class DecoderServer:
    """The process that is forked for each job, started at the first one; it ends when this process does.

    A job is ended after `seconds`, or after so many of a processor: the former are more, because it yields to all else.
    """

    def __init__(self, *, seconds: int = SECONDS, cpu_seconds: int = CPU_SECONDS) -> None:
        self._limits = (str(seconds), str(cpu_seconds))
        self._lock = Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the number of the process; None before the first job."""
        return None if self._process is None else self._process.pid

    def connect(self, job: Job) -> socket.socket:
        """Return the connection to a new process for a job; starting the server takes a third of a second."""
        with self._lock:
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    self._hand_over(job, theirs)
                except OSError:
                    # It is there no more.
                    self._close()
                    self._hand_over(job, theirs)
            return ours

    def close(self) -> None:
        """End the process and every job."""
        with self._lock:
            self._close()

    def _hand_over(self, job: Job, connection: socket.socket) -> None:
        if self._control is None:
            self._control = self._start()
        kind = _KINDS[job.work]
        socket.send_fds(self._control, [kind], [connection.fileno()])

    def _start(self) -> socket.socket:
        control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-m", "storage.media.decoder_process", *self._limits],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return control

    def _close(self) -> None:
        control, process = self._control, self._process
        self._control = self._process = None
        if control is not None:
            control.close()
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LEAVING_SECONDS)
                return
            process.kill()
            process.wait()


_SERVER = DecoderServer()
atexit.register(_SERVER.close)


class Decoder:
    """Sends jobs to processes of their own: one picture at a time, two sounds."""

    def __init__(self, server: DecoderServer = _SERVER) -> None:
        self._server = server
        self._pictures = asyncio.Semaphore(_PICTURES_AT_ONCE)
        self._sounds = asyncio.Semaphore(_SOUNDS_AT_ONCE)
        self._running: set[asyncio.Task[Made]] = set()

    async def make(self, job: Job, data: bytes) -> Made:
        """Return what comes of a job.

        Raises:
            Unreadable: nothing can be made of the bytes, or the process died of them, or took too long over them.
            TryAgain: no process could be started.
        """
        task = asyncio.create_task(self._in_turn(job, data))
        self._running.add(task)
        task.add_done_callback(self._ended)
        # A process goes on when its caller is stopped: its place is taken until it has ended.
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Made]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Its caller may be gone.
            task.exception()

    async def _in_turn(self, job: Job, data: bytes) -> Made:
        async with self._sounds if is_sound(job) else self._pictures:
            answer = await self._ask(job, data)
        if not answer.startswith(BEGUN):
            log.warning("decoder_not_started", work=job.work)
            raise TryAgain(Sentence("reason.no_decoder"), after=5)
        return await asyncio.to_thread(read_answer, answer[len(BEGUN) :])

    async def _ask(self, job: Job, data: bytes) -> bytes:
        """Return the whole answer; as much of it as came, if the process died."""
        try:
            connection = await asyncio.to_thread(self._server.connect, job)
        except OSError as error:
            log.warning("decoder_not_started", work=job.work, error=type(error).__name__)
            return b""
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        answer = bytearray()
        try:
            async with asyncio.timeout(_PATIENCE):
                # Before anything is sent: what the process dies of comes after.
                answer += await reader.read(1)
                with suppress(BrokenPipeError, ConnectionResetError):
                    writer.writelines((job.written(), data))
                    writer.write_eof()
                    while piece := await reader.read(_PIECE):
                        answer += piece
        except TimeoutError:
            log.warning("decoder_hangs", work=job.work)
        finally:
            writer.close()
        return bytes(answer)


def is_sound(job: Job) -> bool:
    """Whether a job is about sounds."""
    match job.work:
        case "fit picture" | "shrink picture" | "read pdf":
            return False
        case "decode sound" | "encode speech":
            return True
