"""An MCP server that is a program: started, spoken to by lines that are bounded, and ended. Imports an extra.

The library's own keeps a line until its end comes, however long it gets.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TextIO

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.os.posix.utilities import terminate_posix_process_tree
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage

from chains.tooling.mcp_bounds import MessageSize, TooMuch

Received = MemoryObjectReceiveStream[SessionMessage | Exception]
Sent = MemoryObjectSendStream[SessionMessage]

_PIECE = 2**16
_ENDING_SECONDS = 2.0


@asynccontextmanager
async def open_program(
    command: Sequence[str], env: Mapping[str, str], *, errors: TextIO | int, give_up: Callable[[], None]
) -> AsyncIterator[tuple[Received, Sent]]:
    """Start a program and give what it says and what is said to it; it is ended with the context.

    It gets `env` and the few variables a program cannot do without, and none of webot's own. `give_up` is called when
    it says more in one line than it may.
    """
    said, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    sent, asked = anyio.create_memory_object_stream[SessionMessage](0)
    async with said, received, sent, asked:
        process = await anyio.open_process(
            command, env={**get_default_environment(), **env}, stderr=errors, start_new_session=True
        )
        assert process.stdout is not None and process.stdin is not None  # noqa: S101, PT018 - they are pipes
        async with process, anyio.create_task_group() as tasks:
            tasks.start_soon(_receive, process.stdout, said, give_up)
            tasks.start_soon(_send, asked, process.stdin)
            try:
                yield received, sent
            finally:
                with anyio.CancelScope(shield=True):
                    await _end(process)
                tasks.cancel_scope.cancel()


async def _receive(
    output: ByteReceiveStream, messages: MemoryObjectSendStream[SessionMessage | Exception], give_up: Callable[[], None]
) -> None:
    """Read messages until the program ends or says too much; then all that wait for an answer are told of it."""
    line, size = bytearray(), MessageSize()
    async with messages:
        try:
            async for piece in _pieces(output):
                first, *others = piece.split(b"\n")
                size.add(first)
                line += first
                for other in others:
                    if line.strip():
                        await messages.send(_message(line))
                    line, size = bytearray(other), MessageSize()
                    size.add(other)
        except TooMuch:
            give_up()


async def _pieces(output: ByteReceiveStream) -> AsyncIterator[bytes]:
    try:
        while True:
            yield await output.receive(_PIECE)
    except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
        return


def _message(line: bytearray) -> SessionMessage | Exception:
    try:
        return SessionMessage(JSONRPCMessage.model_validate_json(line))
    except ValueError as error:
        return error


async def _send(messages: MemoryObjectReceiveStream[SessionMessage], to: ByteSendStream) -> None:
    async for each in messages:
        try:
            await to.send(each.message.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            # It has ended: its output says so.
            return


async def _end(process: Process) -> None:
    """Close the program's input, which tells it to end, and end it with all its children if it does not."""
    if process.stdin is not None:
        await process.stdin.aclose()
    with anyio.move_on_after(_ENDING_SECONDS):
        await process.wait()
        return
    await terminate_posix_process_tree(process, _ENDING_SECONDS)
