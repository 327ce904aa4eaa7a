"""A conversation's lines in and out: beside the prompt on a terminal, one after the other through pipes."""

import asyncio
import contextlib
import re
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TextIO

from rich.cells import cell_len

# What a terminal would obey; what a model says is to be shown, not carried out.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Pipe:
    """Lines from a program or a file, one at a time."""

    interactive = False

    def __init__(self, stdin: TextIO, stdout: TextIO) -> None:
        self._stdin = stdin
        self._stdout = stdout

    async def lines(self) -> AsyncIterator[str]:
        """Yield each line without its end."""
        while line := await asyncio.to_thread(self._stdin.readline):
            yield line.rstrip("\r\n")

    def show(self, text: str) -> None:
        """Write something whole."""
        self._stdout.write(f"{harmless(text)}\n")
        self._stdout.flush()


class Terminal:
    """A person at a keyboard: what comes is written above the line that is being typed."""

    interactive = True

    def __init__(self, prompt: str, stdout: TextIO) -> None:
        self._prompt = prompt
        self._stdout = stdout
        self._asking = False
        self._typed: Callable[[], str] = str
        with contextlib.suppress(ImportError):
            # With it the arrow keys, the history and deleting a wide character work.
            import readline  # noqa: PLC0415 (not on every system)

            self._typed = readline.get_line_buffer

    async def lines(self) -> AsyncIterator[str]:
        """Yield each line as it is entered, until the end of input."""
        loop = asyncio.get_running_loop()
        entered: asyncio.Queue[str | None] = asyncio.Queue()

        def ask() -> None:
            line: str | None = ""
            while line is not None:
                try:
                    self._asking = True
                    line = input(self._prompt)
                except (EOFError, OSError):
                    line = None
                self._asking = False
                with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is asking any more
                    loop.call_soon_threadsafe(entered.put_nowait, line)

        # A thread that waits for a key cannot be stopped, so the process must not wait for it.
        threading.Thread(target=ask, daemon=True, name="keyboard").start()
        while (line := await entered.get()) is not None:
            yield line
        self._stdout.write("\n")

    def show(self, text: str) -> None:
        """Write something above the line that is being typed."""
        shown = f"{text}\n"
        if self._asking:
            typed = self._prompt + self._typed()
            rows = max(0, cell_len(typed) - 1) // shutil.get_terminal_size().columns
            shown = (f"\x1b[{rows}A" if rows else "") + f"\r\x1b[J{shown}{typed}"
        self._stdout.write(shown)
        self._stdout.flush()


def harmless(text: str) -> str:
    """Return a text without control sequences of terminals."""
    return _CONTROL.sub("", text)


@contextlib.contextmanager
def opened(prompt: str, stdin: TextIO = sys.stdin, stdout: TextIO = sys.stdout) -> Iterator[Terminal | Pipe]:
    """Use the terminal if input and output are one; restores its state at the end."""
    if not (stdin.isatty() and stdout.isatty()):
        yield Pipe(stdin, stdout)
        return
    restore: Callable[[], Any] = str
    with contextlib.suppress(ImportError):
        import termios  # noqa: PLC0415 (not on every system)

        found = termios.tcgetattr(stdin)

        def restore_found() -> None:
            termios.tcsetattr(stdin, termios.TCSADRAIN, found)

        restore = restore_found
    try:
        yield Terminal(prompt, stdout)
    finally:
        # The keyboard's thread may still be in the middle of a line, with the echo off.
        restore()
