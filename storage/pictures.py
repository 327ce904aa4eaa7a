"""Pictures made fit for a channel or for a model, by Pillow, off the event loop."""

import asyncio
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

from PIL import Image, ImageOps

from pipeline.errors import Unreadable
from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia

LARGEST = 10 * 1024 * 1024
"""Bytes a picture may have in a message (D:90253)."""

SEEN_SIDE = 1536
"""Pixels of the longer side of what a model is shown; more cost tokens and show it nothing new."""

_MOST_PIXELS = 64_000_000
# Every decoder less is one less for a hostile file to break.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_AS_THEY_ARE = {"JPEG": ("image/jpeg", ".jpg"), "PNG": ("image/png", ".png")}
# Phones show the colours of print wrong, or not at all.
_PRINT = "CMYK"
_SIXTEEN_BITS = "I;16"
_AT_ONCE = 2
_SMALLER = 0.7

# Our own bound is asked before a single pixel is decoded; the library's would be a warning.
Image.MAX_IMAGE_PIXELS = None

Made = TypeVar("Made")


class PictureFolder:
    """Implements `Pictures` over a media store."""

    def __init__(self, media: MediaStore, *, largest: int = LARGEST) -> None:
        self._media = media
        self._largest = largest
        # A large picture takes 200 MB while it is worked on.
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def keep(self, data: bytes, *, name: str) -> StoredMedia:
        """Implement `Pictures.keep`."""
        fit, mime, ending = await self._aside(lambda: _fitted(data, self._largest))
        return await self._media.keep(fit, mime=mime, name=name + ending)

    async def shrunk(self, media: StoredMedia) -> bytes:
        """Implement `Pictures.shrunk`."""
        data = await self._media.read(media)
        return await self._aside(lambda: _shrunk(data))

    async def _aside(self, work: Callable[[], Made]) -> Made:
        async with self._room:
            return await asyncio.to_thread(_carefully, work)


def _carefully(work: Callable[[], Made]) -> Made:
    try:
        return work()
    except Unreadable:
        raise
    except Exception as error:
        # Decoders raise anything for a broken file.
        raise Unreadable(f"no picture, or a broken one: {type(error).__name__}") from error


def _opened(data: bytes) -> Image.Image:
    """Read a picture's head; no pixel is decoded yet."""
    picture = Image.open(BytesIO(data), formats=_FORMATS)
    width, height = picture.size
    if width * height > _MOST_PIXELS:
        raise Unreadable(f"a picture of {width} x {height} pixels is too large")
    return picture


def _fitted(data: bytes, largest: int) -> tuple[bytes, str, str]:
    """Give a picture's bytes, type and file ending; as they came, where that will do."""
    picture = _opened(data)
    moving = getattr(picture, "is_animated", False)
    if picture.format in _AS_THEY_ARE and len(data) <= largest and not moving and picture.mode != _PRINT:
        # The smallest of what the decoder can make still reads the file to its end.
        picture.draft(None, (1, 1))
        picture.load()
        return (data, *_AS_THEY_ARE[picture.format])
    picture.load()
    still = upright(picture)
    if still.has_transparency_data:
        png = _written(still.convert("RGBA"), "PNG")
        if len(png) <= largest:
            return (png, *_AS_THEY_ARE["PNG"])
    flat = _flat(still)
    while len(jpeg := _written(flat, "JPEG", quality=90)) > largest:
        flat = flat.resize((max(1, int(flat.width * _SMALLER)), max(1, int(flat.height * _SMALLER))))
    return (jpeg, *_AS_THEY_ARE["JPEG"])


def _shrunk(data: bytes) -> bytes:
    picture = _opened(data)
    picture.draft("RGB", (SEEN_SIDE, SEEN_SIDE))
    picture.load()
    flat = _flat(upright(picture))
    flat.thumbnail((SEEN_SIDE, SEEN_SIDE))
    return _written(flat, "JPEG", quality=85)


def upright(picture: Image.Image) -> Image.Image:
    """Turn a photograph the way its camera was held; what else the camera noted, places included, is left behind."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001 (as above)
        # What the camera noted cannot be read; the picture can.
        return picture


def _flat(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(_SIXTEEN_BITS):
        # Pillow would cut what is brighter than 255 instead of scaling it.
        picture = picture.convert("I").point(lambda bright: bright / 256).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    seen = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def _written(picture: Image.Image, kind: str, *, quality: int = 90) -> bytes:
    target = BytesIO()
    picture.save(target, kind, quality=quality, optimize=kind == "JPEG")
    return target.getvalue()
