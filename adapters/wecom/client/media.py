"""Media in WeCom: kinds and their limits (wecom-protocol.md 5), file names, and types recognised from bytes."""

import re
from typing import Literal

from pipeline.errors import Undeliverable
from pipeline.text.i18n import Sentence

MediaKind = Literal["image", "voice", "video", "file"]

MEGABYTE = 1024 * 1024
LARGEST: dict[MediaKind, int] = {
    "image": 10 * MEGABYTE,
    "voice": 2 * MEGABYTE,
    "video": 10 * MEGABYTE,
    "file": 20 * MEGABYTE,
}
"""Bytes a file of each kind may have."""

_MORE_THAN = 5
_FORMATS: dict[MediaKind, frozenset[str]] = {
    "image": frozenset({"image/jpeg", "image/png"}),
    "voice": frozenset({"audio/amr"}),
    "video": frozenset({"video/mp4"}),
}
_NAME_BYTES = 120
# Quotes and line ends break the multipart header; the rest is never part of an honest name.
_NOT_IN_A_NAME = re.compile(r'["\\/:*?<>|\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')

_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftyp", "video/mp4"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
)
_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "audio/amr": ".amr",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "video/mp4": ".mp4",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
}


def mime_of(data: bytes) -> str:
    """Return the type that the first bytes show, whatever a server or a file name claims."""
    for place, beginning, mime in _BEGINNINGS:
        if data.startswith(beginning, place):
            return mime
    return "application/octet-stream"


def ending_of(mime: str) -> str:
    """Return the usual ending of a file name, with its dot, or nothing."""
    return _ENDINGS.get(mime, "")


def kind_for(wanted: MediaKind, mime: str, size: int) -> MediaKind:
    """Return the kind WeCom will take it as: what is too large or of a wrong format for its kind goes as a file."""
    fits = mime in _FORMATS.get(wanted, frozenset()) and size <= LARGEST[wanted]
    return wanted if fits else "file"


def check_size(kind: MediaKind, size: int) -> None:
    """Raise `Undeliverable` for what WeCom would refuse after all its bytes were sent."""
    if size <= _MORE_THAN:
        raise Undeliverable(Sentence("reason.media_small", size=size, least=_MORE_THAN))
    if size > LARGEST[kind]:
        raise Undeliverable(Sentence("reason.media_large", kind=kind, size=size, most=LARGEST[kind] // MEGABYTE))


def clean_name(name: str) -> str:
    """Make a file name that survives WeCom's multipart reader: no path, quotes or line ends, at most 120 bytes."""
    last = re.split(r"[/\\]", name)[-1]
    cleaned = _NOT_IN_A_NAME.sub("", last).strip(" .")
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or len(ending.encode("utf-8")) > _NAME_BYTES // 4:
        stem, dot, ending = cleaned, "", ""
    room = _NAME_BYTES - len((dot + ending).encode("utf-8"))
    short = stem.encode("utf-8")[:room].decode("utf-8", "ignore")
    return (short or "file") + dot + ending
