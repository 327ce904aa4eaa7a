"""Pictures on pages: as large as they are, no larger than the page, and no heavier than paper needs."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from exports.pdf.page_images import PageImage, page_image
from exports.records import Transcript
from exports.writers.image_files import ImageFolder, file_name
from pipeline.replies import StoredMedia
from pipeline.settings import PdfEngine
from tests.exports.binding import bound
from tests.exports.samples import message, talk
from tests.fakes.recordings import noise, picture, size_of

ENGINES: tuple[PdfEngine, ...] = ("markdown-pdf", "typst")


def kept(folder: Path, data: bytes, mime: str, *, number: int = 1) -> StoredMedia:
    media = StoredMedia(f"{number:064x}", mime, "图", len(data))
    folder.mkdir(exist_ok=True)
    (folder / file_name(media)).write_bytes(data)
    return media


def shown(folder: Path, *media: StoredMedia, engine: PdfEngine) -> pymupdf.Document:
    asked = replace(message(1, "human", "看图"), media=media)
    return bound(folder, Transcript(talk(), (asked, message(1, "ai", "好"))), engine=engine)


def sizes(pages: pymupdf.Document) -> list[tuple[int, int]]:
    boxes = [pymupdf.Rect(each["bbox"]) for page in pages for each in page.get_image_info()]
    return sorted((round(box.width), round(box.height)) for box in boxes)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_icon_keeps_its_size_and_a_photograph_fits_the_page(tmp_path: Path, engine: PdfEngine) -> None:
    icon = kept(tmp_path, picture("PNG", 200, 200), "image/png", number=1)
    photo = kept(tmp_path, noise("JPEG", 3000, 2000), "image/jpeg", number=2)
    tall = kept(tmp_path, picture("PNG", 600, 2400), "image/png", number=3)
    with shown(tmp_path, icon, photo, tall, engine=engine) as pages:
        assert [(120, 480), (150, 150), (480, 320)] == sizes(pages)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_photograph_weighs_what_paper_shows_of_it(tmp_path: Path, engine: PdfEngine) -> None:
    data = noise("JPEG", 3000, 2000)
    with shown(tmp_path, kept(tmp_path, data, "image/jpeg"), engine=engine) as pages:
        (inside,) = (each[0] for each in pages[0].get_images())
        drawn = pages.extract_image(inside)

    assert ("jpeg", 1334, 889) == (drawn["ext"], drawn["width"], drawn["height"])
    assert len(drawn["image"]) < len(data) / 3


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_photograph_gives_the_same_pages(tmp_path: Path, engine: PdfEngine) -> None:
    made = []
    data = noise("JPEG", 1600, 1200)
    for name in ("a", "b"):
        photo = kept(tmp_path / name, data, "image/jpeg")
        with shown(tmp_path / name, photo, engine=engine) as pages:
            made.append(pages.tobytes(no_new_id=True))

    assert made[0] == made[1]


def test_a_small_picture_is_taken_as_it_came(tmp_path: Path) -> None:
    media = kept(tmp_path, picture("JPEG", 64, 48), "image/jpeg")

    assert PageImage(file_name(media), 48, 36) == page_image(media, ImageFolder(tmp_path))


def test_what_can_be_seen_through_stays_so_when_it_is_scaled(tmp_path: Path) -> None:
    media = kept(tmp_path, picture("PNG", 2000, 2000, mode="RGBA", colour=(255, 0, 0, 9)), "image/png")
    found = page_image(media, ImageFolder(tmp_path))

    assert found is not None
    with Image.open(tmp_path / found.name) as opened:
        assert ("PNG", (1334, 1334), True) == (opened.format, opened.size, opened.has_transparency_data)


def test_a_photograph_stands_upright_without_what_the_camera_noted(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the right
    exif[0x010F] = "Secret Camera"
    target = BytesIO()
    Image.new("RGB", (400, 200), "red").save(target, "JPEG", exif=exif)
    found = page_image(kept(tmp_path, target.getvalue(), "image/jpeg"), ImageFolder(tmp_path))

    assert found is not None
    data = (tmp_path / found.name).read_bytes()
    assert (150, 300) == (found.width, found.height)
    assert ("JPEG", 200, 400) == size_of(data)
    assert b"Secret Camera" not in data


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("mime", "kind"),
    [
        pytest.param("image/webp", "WEBP", id="a WebP"),
        pytest.param("image/gif", "GIF", id="a GIF"),
        pytest.param("image/png", "JPEG", id="a JPEG that is called a PNG"),
    ],
)
def test_every_kind_of_picture_is_shown(tmp_path: Path, engine: PdfEngine, mime: str, kind: str) -> None:
    with shown(tmp_path, kept(tmp_path, picture(kind), mime), engine=engine) as pages:
        assert [(48, 36)] == sizes(pages)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: b"<html>not found</html>", id="a web page"),
        pytest.param(lambda: noise("PNG", 64, 64)[:900], id="half a picture"),
        pytest.param(lambda: picture("PNG", 9000, 9000, mode="1", colour=0), id="a bomb"),
    ],
)
def test_what_cannot_be_shown_is_named(tmp_path: Path, engine: PdfEngine, make: Callable[[], bytes]) -> None:
    with shown(tmp_path, kept(tmp_path, make(), "image/png"), engine=engine) as pages:
        assert "图" in pages[0].get_text().split("看图")[1]
        assert [] == sizes(pages)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_picture_has_its_name_below(tmp_path: Path, engine: PdfEngine) -> None:
    seen = replace(kept(tmp_path, picture("PNG", 200, 200), "image/png"), name="季度图.png")
    with shown(tmp_path, seen, engine=engine) as pages:
        (box,) = (pymupdf.Rect(each["bbox"]) for each in pages[0].get_image_info())
        name, *_ = pages[0].search_for("季度图.png")

    assert box.y1 <= name.y0 + 2
    assert name.y0 - box.y1 < 20
