"""Runs a channel's rendering beside the event loop, with a deadline, and sends plain text where it fails.

Rendering is linear by construction (`tests/test_linear_time.py`), and this is the second defence: whatever text makes
it slow or makes it raise, other people are served meanwhile, and the person gets the answer's own text.
"""

import re
from collections.abc import Sequence
from functools import partial
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
from pipeline.steps.deadline_thread import DEADLINE, DeadlineThreads, place_of
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import is_visible

log = structlog.get_logger()

INLINE_CHARACTERS = 400
"""Up to this length replies are rendered on the event loop, in about a millisecond: less than a thread would cost."""

_LINE_ENDS = re.compile(r"\r\n?|[\u0085\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")


class Renderer:
    """Renders replies for every channel, longer ones one at a time."""

    def __init__(self, catalogue: Catalogue, *, deadline: float = DEADLINE) -> None:
        self._catalogue = catalogue
        self._threads = DeadlineThreads("render", deadline=deadline)

    async def render(
        self, channel: Channel, replies: Sequence[Reply], *, trace: str, style: MessageStyle = ""
    ) -> tuple[Part, ...]:
        """Return the parts to send; never raises: what cannot be rendered in time becomes plain text or a file."""
        styled = isinstance(channel, StyledChannel) if style else False
        write = partial(cast("StyledChannel", channel).render_as, style=style) if styled else channel.render
        try:
            if _length(replies) <= INLINE_CHARACTERS:
                return write(replies)
            return await self._threads.run(lambda: write(replies))
        except Exception as error:  # noqa: BLE001 - the edge of a step: no text may cost a person the answer
            # Neither the error's own words nor its trace: both may quote the answer.
            log.error(  # noqa: TRY400
                "render_failed",
                trace=trace,
                channel=channel.name,
                error=type(error).__name__,
                where=place_of(error),
            )
            return plain_parts(replies, channel.capabilities, self._catalogue)


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
