"""Decode pictures and scale them, by Pillow, in little memory. Pure.

Run in a process of its own by `storage.media.decoder`.

Of a picture one copy of its full size is held beside what its decoder needs: it is turned, converted and flattened
tile by tile, and scaled down before anything else is done with it.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import AvifImagePlugin, ExifTags, Image

from pipeline.errors import TooLarge, Unreadable
from pipeline.text.i18n import Sentence

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

SEEN_SIDE = 1536
"""Pixels of the longer side of what a model is shown; more cost tokens and show it nothing new."""

MOST_PIXELS = 24_500_000
"""Pixels a picture may have: cameras of 24 megapixels give 4284 x 5712."""

# Their decoders hold up to five copies of the picture themselves, others one.
_MOST_PIXELS_OF = {"AVIF": 16_000_000, "WEBP": 16_000_000}
# Every decoder less is one less for a hostile file to break.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_SCAN = b"\xff\xda"
_MOST_SCANS = 100
"""Of a JPEG, each of which may be a few bytes and takes as long as the whole picture; honest ones have a dozen."""
_AS_THEY_ARE = frozenset({"JPEG", "PNG"})
# Phones show the colours of print wrong, or not at all.
_PRINT = "CMYK"
_SIXTEEN_BITS = "I;16"
_SMALLER = 0.7
_TILE = 1024
_UPRIGHT = 1
_MILLION = 1_000_000

# The library warns beyond this, which is switched off below, and refuses what has twice as many.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2
# Each thread has buffers of its own.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# What `ImageOps.exif_transpose` does, which can only do it to a picture of full size.
_TRANSPOSED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def fitted(data: bytes, largest: int) -> tuple[bytes, Literal["JPEG", "PNG"]]:
    """Return a picture of at most `largest` bytes that every channel takes, and its format; as it came if that will do.

    Raises `Unreadable` for what is no picture, `TooLarge` for one beyond the bound of its format.
    """
    with _as_unreadable():
        picture = opened(BytesIO(data))
        kind = picture.format
        moving = getattr(picture, "is_animated", False)
        if kind in _AS_THEY_ARE and len(data) <= largest and not moving and picture.mode != _PRINT:
            # The smallest of what the decoder can make still reads the file to its end.
            picture.draft(None, (1, 1))
            picture.load()
            return data, "JPEG" if kind == "JPEG" else "PNG"
        picture.load()
        orientation = orientation_of(picture)
        clear = picture.has_transparency_data
        still = _converted(picture, 1, clear=clear)
        # Its decoder may hold four more copies.
        del picture
        still = upright(still, orientation)
        if clear:
            png = _written(still, "PNG")
            if len(png) <= largest:
                return png, "PNG"
            del png
            still = _converted(still, 1, clear=False)
        while len(jpeg := _written(still, "JPEG", quality=90)) > largest:
            still = still.resize((max(1, int(still.width * _SMALLER)), max(1, int(still.height * _SMALLER))))
        return jpeg, "JPEG"


def shrunk(data: bytes) -> bytes:
    """Return a picture as a JPEG of at most `SEEN_SIDE` pixels a side; raises what `fitted` does."""
    with _as_unreadable():
        picture = opened(BytesIO(data))
        return _written(scaled(picture, SEEN_SIDE, clear=False), "JPEG", quality=85)


def scaled(picture: "ImageFile", side: int, *, clear: bool) -> Image.Image:
    """Return a picture upright, at most `side` pixels a side, in RGBA with `clear`, else in RGB on white.

    What else the camera noted, places included, is left behind.
    """
    picture.draft("RGB", (side, side))
    picture.load()
    small = _converted(picture, max(1, max(picture.size) // side), clear=clear)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return upright(small, orientation_of(picture))


def opened(source: BytesIO | Path, *, formats: tuple[str, ...] = FORMATS) -> "ImageFile":
    """Return a picture whose head alone has been read: no pixel is decoded yet.

    Raises `TooLarge` for a picture of more pixels than its format may have, and what the library does for others.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(source, formats=formats)
    except Image.DecompressionBombError as error:
        # Asked in time for the decoder of WebP, which takes its memory when it is opened.
        webp = isinstance(source, BytesIO) and source.getvalue()[8:12] == b"WEBP"
        most = _MOST_PIXELS_OF["WEBP"] if webp else MOST_PIXELS
        raise TooLarge(Sentence("reason.pixels"), most=most // _MILLION) from error
    width, height = picture.size
    most = _MOST_PIXELS_OF.get(picture.format or "", MOST_PIXELS)
    if width * height > most:
        picture.close()
        raise TooLarge(Sentence("reason.pixels_of", width=width, height=height), most=most // _MILLION)
    if picture.format == "JPEG" and isinstance(source, BytesIO) and source.getvalue().count(_SCAN) > _MOST_SCANS:
        picture.close()
        raise Unreadable(Sentence("reason.picture_broken", kind="JPEG"))
    return picture


def orientation_of(picture: Image.Image) -> int:
    """Return how the camera was held, in EXIF's numbers; 1 is upright."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, _UPRIGHT))
    except Exception:  # noqa: BLE001 (what the camera noted cannot be read; the picture can)
        return _UPRIGHT


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Return a picture turned the way its camera was held."""
    method = _TRANSPOSED.get(orientation)
    return picture if method is None else picture.transpose(method)


@contextmanager
def _as_unreadable() -> Iterator[None]:
    try:
        yield
    except Unreadable:
        raise
    except MemoryError as error:
        raise TooLarge(Sentence("reason.picture_memory"), most=MOST_PIXELS // _MILLION) from error
    except Exception as error:
        # Decoders raise anything for a broken file.
        raise Unreadable(Sentence("reason.picture_broken", kind=type(error).__name__)) from error


def _converted(picture: Image.Image, factor: int, *, clear: bool) -> Image.Image:
    """Return a picture reduced by a factor, in RGBA with `clear`, else in RGB on white; made tile by tile."""
    width, height = picture.size
    target = Image.new("RGBA" if clear else "RGB", (-(-width // factor), -(-height // factor)))
    step = max(1, _TILE // factor) * factor
    for top in range(0, height, step):
        for left in range(0, width, step):
            tile = picture.crop((left, top, min(left + step, width), min(top + step, height)))
            tile = tile.convert("RGBA") if clear else _flat(tile)
            target.paste(tile.reduce(factor), (left // factor, top // factor))
    return target


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
