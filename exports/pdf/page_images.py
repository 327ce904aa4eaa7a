"""Fits pictures to a page: never larger than they are, and with no more pixels than paper shows."""

import os
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from math import ceil
from pathlib import Path

from PIL.ImageFile import ImageFile

from exports.writers.image_files import ImageFolder
from pipeline.replies import StoredMedia
from storage.media.image_processing import opened, orientation_of, scaled

SIDE = 480.0
"""Points of the longer side at most: the width of what is said on a page."""
_POINT = 72 / 96
"""Points of a pixel on a screen."""
_DOTS = 200 / 72
"""Pixels of a point on paper; more make a file large and show nothing."""
_FORMATS = ("GIF", "JPEG", "PNG", "WEBP")
# Every engine shows these, if they are what their names say; neither shows all the others.
_AS_THEY_ARE = {("GIF", ".gif"), ("JPEG", ".jpg"), ("PNG", ".png")}
_UPRIGHT = 1
_ON_ITS_SIDE = 5
"""From here on the camera's note swaps width and height."""


@dataclass(frozen=True, slots=True)
class PageImage:
    """The file that is shown, in the folder of the pictures, and its size in points."""

    name: str
    width: float
    height: float


def page_image(media: StoredMedia, pictures: ImageFolder) -> PageImage | None:
    """Return a picture as a page shows it, None for what cannot be shown; the same picture gives the same bytes."""
    path = pictures.of(media)
    return None if path is None else _fitted(path)


@lru_cache(maxsize=256)
def _fitted(path: Path) -> PageImage | None:
    # Pages are laid out up to six times; a file's name is its content, so what was found stays true.
    try:
        with opened(path, formats=_FORMATS) as picture:
            return _made(picture, path)
    except Exception:  # noqa: BLE001 (decoders raise anything for a broken file)
        return None


def _made(picture: ImageFile, path: Path) -> PageImage:
    across, down = picture.size
    turned = orientation_of(picture)
    if turned >= _ON_ITS_SIDE:
        across, down = down, across
    point = min(_POINT, SIDE / max(across, down))
    width, height = across * point, down * point
    most = ceil(max(width, height) * _DOTS)
    plain = (picture.format, path.suffix) in _AS_THEY_ARE and turned == _UPRIGHT
    if plain and max(across, down) <= most:
        # A broken one would break the whole document.
        picture.load()
        return PageImage(path.name, width, height)
    return PageImage(_shrunk(picture, path, most), width, height)


def _shrunk(picture: ImageFile, path: Path, most: int) -> str:
    profile = picture.info.get("icc_profile") if picture.mode in {"RGB", "RGBA"} else None
    clear = picture.has_transparency_data
    still = scaled(picture, most, clear=clear)
    out = BytesIO()
    if clear:
        still.save(out, "PNG", icc_profile=profile)
    else:
        still.save(out, "JPEG", quality=85, icc_profile=profile)
    made = path.with_name(f"{path.stem}-page{'.png' if clear else '.jpg'}")
    # Several processes print the parts of a conversation out of the same folder.
    half = made.with_name(f"{made.name}.{os.getpid()}")
    half.write_bytes(out.getvalue())
    half.replace(made)
    return made.name
