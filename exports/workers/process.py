"""The parent's side of rendering processes: a fork server, and the processes forked from it.

Imports next to nothing, so that a fork server can be started first and get ready while everything else is imported.
"""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress

_NAME_BYTES = 8
"""How long the name of a process is, always, so that a stream of names falls into names again."""

_LONGEST_ANSWER = 1024 * 1024
MEMORY = 768 * 1024 * 1024
"""Bytes: binding 20,000 messages takes a fraction of them."""
_PATIENCE = 5.0
"""Seconds a fork server has to clear up after itself."""


class ForkServer:
    """A process that gets ready once and is copied whenever a process is wanted."""

    def __init__(self, control: socket.socket, process: asyncio.subprocess.Process) -> None:
        self._control = control
        self._process = process
        self._made = 0

    @property
    def is_gone(self) -> bool:
        """Whether the process is there no more, or about to be."""
        try:
            # It says nothing here: what can be read is its end, which comes before that of any copy.
            self._control.recv(1)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            pass
        return True

    async def fork(self) -> "RenderProcess":
        """Fork a process; it has its own connection, and its number for the fork server."""
        self._made += 1
        name = self._made.to_bytes(_NAME_BYTES)
        ours, theirs = socket.socketpair()
        with theirs, suppress(OSError):  # without a fork server the process is dead from the start
            socket.send_fds(self._control, [name], [theirs.fileno()])
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_LONGEST_ANSWER)
        return RenderProcess(reader, writer, self, name)

    def end(self, name: bytes) -> None:
        """End a process, whatever it is doing."""
        with suppress(OSError):  # without a fork server it ends by itself
            self._control.send(name)

    async def close(self) -> None:
        """End the process and every copy of it."""
        self._control.close()
        await asyncio.shield(self._leave())

    async def _leave(self) -> None:
        if self._made:
            # It ends its copies and waits for them, which nobody else could.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _PATIENCE)
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(ProcessLookupError):  # one that has just begun has no group yet, nor copies
                self._process.kill()
            await self._process.wait()


async def open_fork_server(*, pages: bool, memory: int = MEMORY) -> ForkServer:
    """Start a process; with `pages` it gets ready to make them, else it does so when they are wanted.

    Each press may take `memory` bytes beyond what it begins with: one that wants more fails, or dies.
    """
    control, theirs = socket.socketpair()
    control.settimeout(0.0)
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "exports.workers.child", str(memory), *(["pages"] if pages else [])),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
    except BaseException:
        control.close()
        raise
    return ForkServer(control, process)


class RenderProcess:
    """A process that carries out orders, and how many it has."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fork_server: ForkServer, name: bytes
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._fork_server = fork_server
        self._name = name
        self.orders = 0

    async def ask(self, order: bytes) -> bytes:
        """Return the answer to an order, nothing if the process died over it."""
        self.orders += 1
        try:
            self._writer.write(order + b"\n")
            await self._writer.drain()
            return await self._reader.readline()
        except (BrokenPipeError, ConnectionResetError):
            return b""

    def end(self) -> None:
        """End the process."""
        self._writer.transport.abort()
        self._fork_server.end(self._name)
