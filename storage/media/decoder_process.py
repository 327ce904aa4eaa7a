"""The process whose copies decode what people send: started once, it forks one copy for each job.

Run as `python -m storage.media.decoder_process SECONDS CPU_SECONDS` with a socket for standard input, over which
connections come. A copy serves one connection and ends. A decoder that hangs, crashes or wants more memory than there
is takes a copy along and nothing else: each may use so much memory, processor time and time, and opens neither file
nor socket.
"""

import gc
import os
import resource
import signal
import socket
import sys
from contextlib import suppress

from PIL import Image

from pipeline.errors import Unreadable
from pipeline.text.i18n import Sentence
from storage.media.decoder_jobs import BEGUN, Job, Made, refused
from storage.media.image_processing import fitted, shrunk

MEMORY = 320 * 1024 * 1024
"""Bytes of address space a job may take.

tests/storage/media/test_image_processing.py shows that every format's largest fits.
"""

_NICENESS = 10
_STATM = "/proc/self/statm"


def main() -> None:
    """Fork a copy for each connection until the other side closes."""
    seconds, cpu_seconds = map(int, sys.argv[1:])
    # A group, so that Ctrl-C is not for it and all copies are ended with it.
    os.setpgid(0, 0)
    os.nice(_NICENESS)
    # Nobody waits for a copy: its connection says when it has ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # A copy can import nothing any more.
    Image.init()
    gc.freeze()
    sounds = documents = False
    with socket.socket(fileno=sys.stdin.fileno()) as control:
        while True:
            work, connections, _, _ = socket.recv_fds(control, 1, 1)
            if not connections:
                break
            if work == b"s" and not sounds:
                from storage.media import transcode  # noqa: PLC0415 -- weighs 20 MB, so only where voice messages come

                transcode.load()
                sounds = True
            if work == b"d" and not documents:
                from storage.media import pdf_text  # noqa: PLC0415 -- weighs 30 MB, so only where PDFs come

                pdf_text.load()
                documents = True
            with socket.socket(fileno=connections[0]) as connection:
                _fork(control, connection, seconds, cpu_seconds)
    os.killpg(0, signal.SIGKILL)


def _fork(control: socket.socket, connection: socket.socket, seconds: int, cpu_seconds: int) -> None:
    # Without memory or a free process the connection closes, and the other side tries again later.
    with suppress(OSError):
        if os.fork():
            return
        try:
            control.close()
            # The kernel's: no decoder can keep it from ending the process.
            signal.alarm(seconds)
            _limit(cpu_seconds)
            _serve(connection)
        finally:
            # Always exit: a copy must never return into the loop of the process it was forked from.
            os._exit(0)


def _serve(connection: socket.socket) -> None:
    with connection.makefile("rwb") as stream:
        stream.write(BEGUN)
        stream.flush()
        job = Job.read(stream.readline())
        try:
            answer = _make(job, stream.read()).written()
        except Unreadable as error:
            answer = refused(error)
        except MemoryError:
            answer = refused(Unreadable(Sentence("reason.memory")))
        stream.write(answer)


def _limit(cpu_seconds: int) -> None:
    limits = {resource.RLIMIT_CPU: cpu_seconds, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: 0}
    # Where there is no /proc, as on macOS, the kernel does not keep to a limit of memory either.
    with suppress(OSError), open(_STATM, encoding="ascii") as statm:  # noqa: PTH123 (one line of the kernel's)
        pages = int(statm.read().split()[0])
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + MEMORY
    for which, most in limits.items():
        with suppress(OSError, ValueError):
            resource.setrlimit(which, (most, most))


def _make(job: Job, data: bytes) -> Made:
    match job.work:
        case "fit picture":
            picture, kind = fitted(data, job.largest)
            return Made((picture,), kind)
        case "shrink picture":
            return Made((shrunk(data),))
        case "read pdf":
            from storage.media.pdf_text import pdf_pages  # noqa: PLC0415 -- imported by now

            pages, count = pdf_pages(data, job.largest)
            return Made(pages, str(count))
        case "decode sound":
            from storage.media.transcode import to_wav  # noqa: PLC0415 -- imported by now

            return Made((to_wav(data),))
        case "encode speech":
            from storage.media.transcode import to_amr  # noqa: PLC0415 -- the same

            return Made(tuple(to_amr(data)))


if __name__ == "__main__":
    main()
