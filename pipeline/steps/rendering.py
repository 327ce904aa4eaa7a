"""Runs a channel's rendering beside the event loop, with a deadline, and sends plain text where it fails.

Rendering is linear by construction (`tests/test_linear_time.py`), and this is the second defence: whatever text makes
it slow or makes it raise, other people are served meanwhile, and the person gets the answer's own text.

It runs in a thread, not in a process: the work is bounded, a thread gives up the interpreter every few milliseconds,
and a process would cost every answer the copying of it. Threads cannot be ended, so one that passes its deadline is
left behind. It is a daemon, so that it does not hold up the end of the process.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import PurePath
from threading import Thread
from traceback import walk_tb
from typing import cast

import structlog

from pipeline.answer import MessageStyle
from pipeline.ports import Channel, ChannelCapabilities, StyledChannel
from pipeline.replies import (
    DocumentPart,
    FilePart,
    FileReply,
    ImagePart,
    ImageReply,
    Part,
    Reply,
    Silence,
    TextPart,
    TextReply,
    VoicePart,
    VoiceReply,
)
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import is_visible

log = structlog.get_logger()

INLINE_CHARACTERS = 400
"""Up to this length replies are rendered on the event loop, in about a millisecond: less than a thread would cost."""

_DEADLINE = 3.0
_MOST_LEFT_BEHIND = 2
"""Threads past their deadline beyond which longer replies are no longer rendered: each takes its share of the CPU."""

_LINE_ENDS = re.compile(r"\r\n?|[\u0085\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")


class Renderer:
    """Renders replies for every channel, longer ones one at a time: threads share one interpreter."""

    def __init__(self, catalogue: Catalogue, *, deadline: float = _DEADLINE) -> None:
        self._catalogue = catalogue
        self._deadline = deadline
        self._one_at_a_time = asyncio.Semaphore(1)
        self._left_behind = 0

    async def render(
        self, channel: Channel, replies: Sequence[Reply], *, trace: str, style: MessageStyle = ""
    ) -> tuple[Part, ...]:
        """Return the parts to send; never raises: what cannot be rendered in time becomes plain text or a file."""
        styled = isinstance(channel, StyledChannel) if style else False
        write = partial(cast("StyledChannel", channel).render_as, style=style) if styled else channel.render
        try:
            if _length(replies) <= INLINE_CHARACTERS:
                return write(replies)
            async with self._one_at_a_time:
                return await self._render_in_thread(write, replies)
        except Exception as error:  # noqa: BLE001 - the edge of a step: no text may cost a person the answer
            # Neither the error's own words nor its trace: both may quote the answer.
            log.error(  # noqa: TRY400
                "render_failed", trace=trace, channel=channel.name, error=type(error).__name__, where=_place(error)
            )
            return plain_parts(replies, channel.capabilities, self._catalogue)

    async def _render_in_thread(
        self, write: Callable[[Sequence[Reply]], tuple[Part, ...]], replies: Sequence[Reply]
    ) -> tuple[Part, ...]:
        if self._left_behind >= _MOST_LEFT_BEHIND:
            message = "earlier replies are still being rendered, long past their deadline"
            raise TimeoutError(message)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[Part, ...] | Exception] = loop.create_future()

        def run() -> None:
            try:
                made: tuple[Part, ...] | Exception = write(replies)
            except Exception as error:  # noqa: BLE001 - raised again where it is awaited
                made = error
            # The loop may be closed by now.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set_result, made)

        Thread(target=run, name="render", daemon=True).start()
        await asyncio.wait({done}, timeout=self._deadline)
        if not done.done():
            self._left_behind += 1
            done.add_done_callback(self._note_end)
            raise TimeoutError
        if isinstance(made := done.result(), Exception):
            raise made
        return made

    def _note_end(self, _done: object) -> None:
        self._left_behind -= 1


def plain_parts(replies: Sequence[Reply], capabilities: ChannelCapabilities, catalogue: Catalogue) -> tuple[Part, ...]:
    """Return replies as parts without any layout: a text too long for a message goes as its beginning and a file."""
    parts: list[Part] = []
    for reply in replies:
        match reply:
            case TextReply(text):
                parts += _plain(text, capabilities, catalogue)
            case ImageReply(media, caption):
                parts += [ImagePart(media), *_plain(caption, capabilities, catalogue)]
            case VoiceReply(media):
                parts.append(VoicePart(media))
            case FileReply(media):
                parts.append(FilePart(media))
            case Silence():
                pass
    return tuple(parts)


def _plain(text: str, capabilities: ChannelCapabilities, catalogue: Catalogue) -> list[Part]:
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text)).encode("utf-8", "replace").decode()
    if not is_visible(text):
        return []
    if len(text.encode()) <= capabilities.message_bytes:
        return [TextPart(text, "text")]
    if not capabilities.files:
        return [TextPart(piece, "text") for piece in _pieces(text, capabilities.message_bytes) if is_visible(piece)]
    below = "\n\n" + catalogue.text("rendering.whole_in_file")
    first = _beginning(text, capabilities.message_bytes - len(below.encode()))
    return [TextPart(first + below, "text"), DocumentPart(catalogue.text("rendering.file_name"), text)]


def _pieces(text: str, most: int) -> list[str]:
    pieces = []
    start = 0
    while start < len(text):
        pieces.append(_beginning(text[start : start + most], most))
        start += len(pieces[-1])
    return pieces


def _beginning(text: str, most: int) -> str:
    """Return as many characters as `most` bytes hold, four bytes at least; to the end of a line if one is near."""
    short = text[:most].encode()[: max(most, 4)].decode(errors="ignore")
    line = short.rfind("\n") + 1
    return short[:line] if len(short) < len(text) and line > len(short) // 2 else short


def _length(replies: Sequence[Reply]) -> int:
    return sum(
        len(reply.text if isinstance(reply, TextReply) else reply.caption)
        for reply in replies
        if isinstance(reply, TextReply | ImageReply)
    )


def _place(error: Exception) -> str:
    """Return the file and line that raised an error, "" where none did."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    return f"{PurePath(frames[-1][0]).name}:{frames[-1][1]}" if frames else ""
