"""What we say back: replies are what is meant, parts are what one channel sends for them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A file in our own media store, named by the SHA-256 of its bytes; `size` in bytes."""

    sha256: str
    mime: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class TextReply:
    """CommonMark text; the channel decides how much of it can be shown."""

    text: str
    start: int = 0
    """How many messages of it are left out, having been sent; only of channels that limit the messages of an answer."""
    beyond: str = ""
    """What stands in its place where that leaves nothing."""


@dataclass(frozen=True, slots=True)
class ImageReply:
    """A picture, with words under it or none."""

    media: StoredMedia
    caption: str = ""


@dataclass(frozen=True, slots=True)
class VoiceReply:
    """Speech, in an encoding the channel plays."""

    media: StoredMedia


@dataclass(frozen=True, slots=True)
class FileReply:
    """A document to keep."""

    media: StoredMedia


@dataclass(frozen=True, slots=True)
class Silence:
    """A deliberate nothing; `None` would not say whether we meant it."""


Reply = TextReply | ImageReply | VoiceReply | FileReply | Silence


@dataclass(frozen=True, slots=True)
class TextPart:
    """One message of words that fits the channel; `markdown` is in the channel's own subset."""

    text: str
    format: Literal["text", "markdown"]
    kind: Literal["words"] = "words"


@dataclass(frozen=True, slots=True)
class ImagePart:
    """One picture."""

    media: StoredMedia
    kind: Literal["image"] = "image"


@dataclass(frozen=True, slots=True)
class VoicePart:
    """One voice message."""

    media: StoredMedia
    kind: Literal["voice"] = "voice"


@dataclass(frozen=True, slots=True)
class FilePart:
    """One document out of the media store."""

    media: StoredMedia
    kind: Literal["file"] = "file"


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """One document whose whole content is text: what a reply too long for messages travels as."""

    name: str
    text: str
    kind: Literal["document"] = "document"


Part = TextPart | ImagePart | VoicePart | FilePart | DocumentPart


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel returned for a part it took: its own message id, empty where it gives none.

    `remark` says what an operator may wonder about, such as that nobody confirmed it.
    """

    message_id: str = ""
    remark: str = ""
