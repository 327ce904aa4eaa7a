"""Temporary media: what WeCom accepts, kept for three days (wecom-protocol.md 5)."""

import mimetypes
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from adapters.simulator.platform.errcodes import ApiError
from adapters.simulator.platform.timeline import MediaLabel

_MB = 1024 * 1024
_DAYS_3 = 3 * 24 * 3600.0
_LEAST = 5
_VOICE_SECONDS = 60.0

# For each type: how large it may be, and what is answered if it is larger.
_SIZES = {"image": (10 * _MB, 40009), "voice": (2 * _MB, 40006), "video": (10 * _MB, 40011), "file": (20 * _MB, 40006)}

_AMR = b"#!AMR\n"
# Bytes of a frame of 20 ms by its type, the header byte included (RFC 4867, table 1).
_AMR_FRAMES = (13, 14, 16, 18, 20, 21, 27, 32, 6)

# Reads the system's tables: here, and not on the event loop at the first file.
mimetypes.init()


@dataclass(frozen=True, slots=True)
class Media:
    """A file somebody uploaded, at a time, for the apps of one corp."""

    label: MediaLabel
    corp_id: str
    at: float
    data: bytes


class UploadStore:
    """The media there are; beyond a number of bytes the oldest go."""

    def __init__(self, *, kept_bytes: int, clock: Callable[[], float]) -> None:
        self._kept_bytes = kept_bytes
        self._clock = clock
        self._media: OrderedDict[str, Media] = OrderedDict()
        self._bytes = 0

    def put(self, corp_id: str, kind: str, data: bytes, *, name: str) -> Media:
        """Store a file unchanged; `kind` is image, voice, video or file."""
        label = MediaLabel(f"3{secrets.token_urlsafe(42)}", kind, name, mime_of(data, name), len(data))
        media = Media(label, corp_id, self._clock(), data)
        self._media[label.media_id] = media
        self._bytes += len(data)
        while self._bytes > self._kept_bytes and len(self._media) > 1:
            self._bytes -= self._media.popitem(last=False)[1].label.size
        return media

    def find(self, corp_id: str, media_id: str) -> Media:
        """Return a corp's media by its id; refuses with 40007 what is unknown, foreign or older than three days."""
        media = self._media.get(media_id)
        if media is None or media.corp_id != corp_id or self._clock() - media.at >= _DAYS_3:
            raise ApiError(40007)
        return media


def check_media(kind: str, data: bytes) -> None:
    """Refuse an upload WeCom would not take."""
    if kind not in _SIZES:
        raise ApiError(40005)
    if not data:
        raise ApiError(44001)
    most, too_large = _SIZES[kind]
    if len(data) <= _LEAST:
        raise ApiError(40006)
    if len(data) > most:
        raise ApiError(too_large)
    is_picture = mime_of(data, "") in {"image/jpeg", "image/png"}
    is_film = data[4:8] == b"ftyp"
    if (kind == "image" and not is_picture) or (kind == "video" and not is_film):
        raise ApiError(40004)
    if kind == "voice":
        _check_voice(data)


def mime_of(data: bytes, name: str) -> str:
    """Return a file's type by its first bytes, else by its name."""
    for start, mime in (
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF8", "image/gif"),
        (b"%PDF-", "application/pdf"),
        (_AMR, "audio/amr"),
    ):
        if data.startswith(start):
            return mime
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _check_voice(data: bytes) -> None:
    if not data.startswith(_AMR):
        raise ApiError(301017)
    frames, position = 0, len(_AMR)
    while position < len(data):
        kind = data[position] >> 3 & 0xF
        position += _AMR_FRAMES[kind] if kind < len(_AMR_FRAMES) else 1
        frames += 1
    if frames * 0.02 > _VOICE_SECONDS:
        raise ApiError(45007)
