"""Decoding in processes of their own: what hangs, dies or takes too much takes nothing else along."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress

import psutil  # type: ignore[import-untyped]
import pytest

from pipeline.errors import TryAgain, Unreadable
from storage.media.decoder import Decoder, DecoderServer
from storage.media.decoder_jobs import BEGUN, Job
from tests.fakes.recordings import blank, picture, size_of, wav

SHRINK = Job("shrink picture")
SPEAK = Job("encode speech")
LONG = wav(os.urandom(2 * 8000 * 295), rate=8000)
"""Seconds of work: almost five minutes of noise."""


@pytest.fixture(scope="module")
def server() -> Iterator[DecoderServer]:
    opened = DecoderServer()
    yield opened
    opened.close()


async def busy(server: DecoderServer, count: int = 1) -> list[psutil.Process]:
    """Give the processes of jobs, as soon as there are so many and each is at work."""

    def now() -> list[psutil.Process]:
        return [] if server.pid is None else psutil.Process(server.pid).children()

    def at_work() -> list[psutil.Process]:
        while len(found := now()) != count or any(job.cpu_times().user < 0.05 for job in found):
            pass
        return found

    return await asyncio.to_thread(at_work)


async def works(decoder: Decoder) -> bool:
    made = await decoder.make(SHRINK, picture("PNG"))
    return size_of(made.files[0]) == ("JPEG", 64, 48)


async def test_what_a_decoder_dies_of_is_unreadable_and_the_next_is_decoded(server: DecoderServer) -> None:
    decoder = Decoder(server)
    hostile = asyncio.create_task(decoder.make(SPEAK, LONG))
    (job,) = await busy(server)
    job.send_signal(signal.SIGSEGV)

    with pytest.raises(Unreadable):
        await hostile
    assert await works(decoder)


async def test_what_takes_too_much_of_a_processor_is_ended() -> None:
    server = DecoderServer(cpu_seconds=1)
    decoder = Decoder(server)
    with pytest.raises(Unreadable, match="too long"):
        await decoder.make(SPEAK, LONG)

    assert await works(decoder)
    await asyncio.to_thread(server.close)


async def test_what_gets_nowhere_is_ended() -> None:
    server = DecoderServer(seconds=1)
    with await asyncio.to_thread(server.connect, SHRINK) as connection:
        said = await asyncio.to_thread(_all, connection)

    assert BEGUN == said
    await asyncio.to_thread(server.close)


async def test_a_server_that_dies_is_started_again(server: DecoderServer) -> None:
    decoder = Decoder(server)
    assert await works(decoder)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    # The job may come while the process is dying.
    with suppress(TryAgain):
        await works(decoder)

    assert await works(decoder)


async def test_one_picture_is_decoded_at_a_time_also_when_who_sent_it_waits_no_more(server: DecoderServer) -> None:
    decoder = Decoder(server)
    assert await works(decoder)
    large = blank("PNG", "RGBA", 16_000_000, compress_level=1)
    first = asyncio.create_task(decoder.make(SHRINK, large))
    (job,) = await busy(server)
    job.suspend()
    first.cancel()
    second = asyncio.create_task(decoder.make(SHRINK, picture("PNG")))
    for _ in range(20):
        assert [job] == await busy(server)
    job.resume()

    assert ("JPEG", 64, 48) == size_of((await second).files[0])
    assert first.cancelled()


async def test_a_job_can_open_neither_a_file_nor_a_connection(server: DecoderServer) -> None:
    decoder = Decoder(server)
    running = asyncio.create_task(decoder.make(SPEAK, LONG))
    (job,) = await busy(server)
    limit = await asyncio.to_thread(job.rlimit, psutil.RLIMIT_NOFILE)
    job.kill()

    assert (0, 0) == limit
    with pytest.raises(Unreadable):
        await running


async def test_everything_ends_with_the_server(server: DecoderServer) -> None:
    decoder = Decoder(server)
    running = asyncio.create_task(decoder.make(SPEAK, LONG))
    (job,) = await busy(server)
    await asyncio.to_thread(server.close)

    # The process may have ended before it said that it began.
    with pytest.raises((Unreadable, TryAgain)):
        await running
    await asyncio.to_thread(job.wait, 30)
    assert not job.is_running()


def _all(connection: socket.socket) -> bytes:
    said = b""
    while piece := connection.recv(100):
        said += piece
    return said
