"""Turns replies into the parts an app sends in WeCom. Pure: the same replies give the same parts."""

from collections.abc import Sequence
from itertools import islice, tee
from typing import Literal

from adapters.wecom.rendering.layout import rows, rows_as_written
from adapters.wecom.rendering.markdown_style import MarkdownStyle
from adapters.wecom.rendering.message_splitting import MESSAGE_BYTES, number_bytes, numbered, pieces
from adapters.wecom.rendering.plain_style import PlainStyle
from adapters.wecom.rendering.sanitise import clean
from adapters.wecom.rendering.style import MessageStyle
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

MessageFormat = Literal["markdown", "text"]

_CHINESE = Catalogue("zh")


def render(
    replies: Sequence[Reply], *, message_format: MessageFormat, max_pieces: int, catalogue: Catalogue = _CHINESE
) -> tuple[Part, ...]:
    """Return the parts in order; words longer than `max_pieces` messages, 1 or more, go as the first and a file.

    `catalogue` is the language of what is ours in a message: the file's name, and how a picture is spoken of.
    """
    style: MessageStyle = MarkdownStyle(catalogue) if message_format == "markdown" else PlainStyle(catalogue)
    parts: list[Part] = []
    for reply in replies:
        match reply:
            case TextReply(text):
                parts += _words(text, style, message_format, max_pieces, catalogue)
            case ImageReply(media, caption):
                parts += [ImagePart(media), *_words(caption, style, message_format, max_pieces, catalogue)]
            case VoiceReply(media):
                parts.append(VoicePart(media))
            case FileReply(media):
                parts.append(FilePart(media))
            case Silence():
                pass
    return tuple(parts)


def _words(
    text: str, style: MessageStyle, message_format: MessageFormat, max_pieces: int, catalogue: Catalogue
) -> list[Part]:
    text = clean(text)
    if not is_visible(text):
        return []
    for laid_out in (rows(text, style), rows_as_written(text, style)):
        whole, cut, headed = tee(laid_out, 3)
        done = list(islice(pieces(whole), 2))
        if not done:
            # Markup around nothing, such as a lone "#": then it was meant as it stands.
            continue
        if len(done) > 1 and max_pieces > 1:
            done = list(islice(pieces(cut, MESSAGE_BYTES - number_bytes(max_pieces)), max_pieces + 1))
        if len(done) <= max_pieces:
            return [TextPart(piece, message_format) for piece in numbered(done)]
        below = "\n\n" + catalogue.text("rendering.whole_in_file")
        first = next(pieces(headed, MESSAGE_BYTES - len(below.encode())))
        return [TextPart(first + below, message_format), DocumentPart(catalogue.text("rendering.file_name"), text)]
    return []
