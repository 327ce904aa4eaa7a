"""The rendering processes: a fork server that preloads libraries, and a forked child for each client.

Run as `python -m exports.workers.child BYTES [pages]` with a socket for standard input: a name with a connection wants
a copy that serves it, the name alone wants that copy ended. A copy reads an order a line, makes the documents, and
writes an answer a line; it may take BYTES of memory beyond what it begins with. In processes of their own because
laying pages out holds Python's lock for seconds and, once in a while, a library dies of what it is given; as copies
because getting ready takes longer than many a document.
"""

import gc
import os
import resource
import signal
import socket
import sys
from contextlib import suppress

from exports.workers.documents import carry_out, get_ready_for_pages
from exports.workers.messages import REQUEST, RESPONSE, RenderFailed

_NICENESS = 19
"""The least there is: at 10 the kernel still lets such a process end its slice while a message waits to be taken in."""
_NAME_BYTES = 8
"""As `process.py` writes them; it is not imported here because of all that it imports."""


_STATM = "/proc/self/statm"
_DATA = 5
"""Which of its numbers is the pages of data and stacks."""


def main() -> None:
    """Make copies until the other side closes."""
    memory = int(sys.argv[1])
    # A group, so that Ctrl-C is not for it and all is ended with it; a session of its own would make it the equal of
    # the service: where the kernel shares time out by sessions, niceness counts only within one.
    os.setpgid(0, 0)
    # Whoever waits for a document waits for seconds; whoever writes a message shall not notice.
    os.nice(max(0, _NICENESS - os.nice(0)))
    if "pages" in sys.argv:
        get_ready_for_pages()
    # What is there now is there for good; looking through it would only make every copy write to its own.
    gc.freeze()
    copies: dict[bytes, int] = {}
    with socket.socket(fileno=sys.stdin.fileno()) as control:
        while True:
            name, connections, _, _ = socket.recv_fds(control, _NAME_BYTES, 1)
            if connections:
                copies[name] = _copy(control, socket.socket(fileno=connections[0]), memory)
            elif name:
                _end(copies.pop(name))
            else:
                break
    for copy in copies.values():
        _end(copy)


def _copy(control: socket.socket, connection: socket.socket, memory: int) -> int:
    with connection:
        if copy := os.fork():
            return copy
        try:
            control.close()
            _limit(memory)
            _serve(connection)
        finally:
            # Whatever it died of, a copy must never return to the loop that forks.
            os._exit(0)


def _limit(memory: int) -> None:
    # Of data, not of addresses: threads and allocators reserve many more of those than they ever use. Where there is
    # no /proc, as on macOS, the kernel does not keep to the limit either.
    with suppress(OSError, ValueError), open(_STATM, encoding="ascii") as statm:  # noqa: PTH123 (one line of the kernel's)
        most = int(statm.read().split()[_DATA]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _end(copy: int) -> None:
    # One that is dead has kept its number until it is waited for.
    os.kill(copy, signal.SIGKILL)
    os.waitpid(copy, 0)


def _serve(connection: socket.socket) -> None:
    with connection.makefile("rwb") as lines:
        for line in lines:
            try:
                answer = RESPONSE.dump_json(carry_out(REQUEST.validate_json(line)))
            except Exception as error:  # noqa: BLE001 (the edge of a step: the other side is told)
                answer = RESPONSE.dump_json(RenderFailed(f"{type(error).__name__} in {_place(error)}"))
            lines.write(answer + b"\n")
            lines.flush()


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"  # noqa: PTH119


if __name__ == "__main__":
    main()
