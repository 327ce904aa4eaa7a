"""Every format's pictures decoded in little memory, measured in processes of their own."""

import os
import resource
import signal
from collections.abc import Callable

import pytest
from PIL import Image

from pipeline.errors import Unreadable
from storage.media.decoder_process import MEMORY
from storage.media.image_processing import MOST_PIXELS, fitted, shrunk
from storage.media.images import LARGEST
from tests.fakes.recordings import blank, interlaced

Image.init()

MOST = {"WEBP": 16_000_000, "AVIF": 16_000_000}
"""Pixels of formats whose decoders hold several copies of a picture."""

QUARTER = 4
"""Memory grows with the pixels: a quarter of the most a picture may have takes a quarter of the time to find out."""

FIXED = 40_000_000
"""Bytes that do not grow: of what it is reduced to, up to twice as large as what is shown in the end."""


def peak(data: bytes) -> int:
    """Give by how many bytes a process grows that makes a picture fit and small."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            # What was imported until now was measured before; a copy of it is not.
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            fitted(data, LARGEST)
            shrunk(data)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            os.write(writing, str(grown * 1024).encode())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return int(answer.read())


@pytest.mark.parametrize(
    ("kind", "mode", "how"),
    [
        pytest.param("WEBP", "RGBA", {"lossless": True}, id="webp lossless"),
        pytest.param("WEBP", "RGB", {}, id="webp"),
        pytest.param(
            "WEBP", "RGB", {"save_all": True, "append_images": [Image.new("RGB", (2000, 2000), 9)]}, id="webp animated"
        ),
        pytest.param("AVIF", "RGB", {"speed": 10}, id="avif"),
        pytest.param("AVIF", "RGBA", {"speed": 10}, id="avif see-through"),
        pytest.param("PNG", "RGB", {}, id="png rgb"),
        pytest.param("PNG", "RGBA", {}, id="png rgba"),
        pytest.param("PNG", "LA", {}, id="png la"),
        pytest.param("PNG", "P", {"transparency": 0}, id="png palette"),
        pytest.param("PNG", "I;16", {}, id="png 16 bit"),
        pytest.param("PNG", "1", {}, id="png bilevel"),
        pytest.param("GIF", "P", {}, id="gif"),
        pytest.param(
            "GIF", "P", {"save_all": True, "append_images": [Image.new("P", (2474, 2474), 1)]}, id="gif animated"
        ),
        pytest.param("JPEG", "RGB", {}, id="jpeg"),
        pytest.param("JPEG", "RGB", {"progressive": True, "subsampling": 0}, id="jpeg progressive"),
        pytest.param("JPEG", "CMYK", {}, id="jpeg cmyk"),
        pytest.param("TIFF", "CMYK", {"compression": "tiff_lzw"}, id="tiff cmyk"),
        pytest.param("TIFF", "F", {"compression": "tiff_lzw"}, id="tiff float"),
        pytest.param("TIFF", "LAB", {"compression": "tiff_lzw"}, id="tiff lab"),
        pytest.param("BMP", "RGB", {}, id="bmp"),
    ],
)
def test_a_picture_of_the_most_pixels_of_its_format_is_decoded_in_bounded_memory(
    kind: str, mode: str, how: dict[str, object]
) -> None:
    data = blank(kind, mode, MOST.get(kind, MOST_PIXELS) // QUARTER, **how)

    assert FIXED + max(0, peak(data) - FIXED) * QUARTER < MEMORY


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: blank("WEBP", "RGBA", 15_990_000, lossless=True), id="webp lossless"),
        pytest.param(lambda: interlaced(24_490_000), id="png interlaced"),
    ],
)
def test_the_largest_pictures_there_may_be_are_decoded_in_bounded_memory(data: Callable[[], bytes]) -> None:
    assert peak(data()) < MEMORY


def test_a_jpeg_of_more_scans_than_any_camera_writes_is_refused() -> None:
    """Each takes as long as the whole picture: 2,000 of them, 226 KB, took 40 seconds of CPU."""
    whole = blank("JPEG", "RGB", 10_000, progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]

    assert shrunk(whole[:-2] + last * 50 + whole[-2:])
    with pytest.raises(Unreadable):
        shrunk(whole[:-2] + last * 100 + whole[-2:])
