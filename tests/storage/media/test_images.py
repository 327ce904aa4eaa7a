"""Pictures made fit for WeCom and for a model."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pipeline.errors import TooLarge, Undeliverable, Unreadable
from pipeline.replies import StoredMedia
from storage.media.files import MediaFolder
from storage.media.image_processing import SEEN_SIDE
from storage.media.images import StoredImages
from tests.fakes.recordings import blank, noise, picture, size_of, webp_claiming


@pytest.fixture
def media(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


@pytest.fixture
def pictures(media: MediaFolder) -> StoredImages:
    return StoredImages(media)


@pytest.mark.parametrize(("kind", "mime", "name"), [("JPEG", "image/jpeg", "cat.jpg"), ("PNG", "image/png", "cat.png")])
async def test_what_wecom_takes_is_kept_as_it_came(
    media: MediaFolder, pictures: StoredImages, kind: str, mime: str, name: str
) -> None:
    data = picture(kind)
    kept = await pictures.keep(data, name="cat")

    assert (mime, name, len(data)) == (kept.mime, kept.name, kept.size)
    assert data == await media.read(kept)


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "TIFF", "AVIF"])
async def test_what_wecom_does_not_take_becomes_a_jpeg(media: MediaFolder, pictures: StoredImages, kind: str) -> None:
    kept = await pictures.keep(picture(kind), name="cat")

    assert ("image/jpeg", "cat.jpg") == (kept.mime, kept.name)
    assert ("JPEG", 64, 48) == size_of(await media.read(kept))


async def test_what_can_be_seen_through_stays_so(media: MediaFolder, pictures: StoredImages) -> None:
    kept = await pictures.keep(picture("WEBP", mode="RGBA", colour=(255, 0, 0, 9)), name="cat")

    with Image.open(BytesIO(await media.read(kept))) as opened:
        assert ("PNG", True) == (opened.format, opened.has_transparency_data)


async def test_of_a_moving_picture_the_first_is_kept(media: MediaFolder, pictures: StoredImages) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("white", "black"))
    target = BytesIO()
    first.save(target, "GIF", save_all=True, append_images=[second])
    kept = await pictures.keep(target.getvalue(), name="cat")

    with Image.open(BytesIO(await media.read(kept))) as opened:
        assert (255, 255, 255) == opened.getpixel((4, 4))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_what_is_too_large_is_scaled_until_it_fits(media: MediaFolder, kind: str) -> None:
    pictures = StoredImages(media, largest=60_000)
    data = noise(kind, 600, 400)
    kept = await pictures.keep(data, name="cat")
    format_, width, height = size_of(await media.read(kept))

    assert len(data) > 60_000 >= kept.size
    assert format_ == "JPEG"
    assert pytest.approx(1.5, abs=0.02) == width / height


async def test_a_model_is_shown_a_smaller_upright_picture_without_what_the_camera_noted(
    media: MediaFolder, pictures: StoredImages
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the right
    exif[0x010F] = "Secret Camera"
    target = BytesIO()
    Image.new("RGB", (4000, 2000), "red").save(target, "JPEG", exif=exif)
    kept = await media.keep(target.getvalue(), mime="image/jpeg", name="cat.jpg")
    shown = await pictures.thumbnail(kept)

    assert ("JPEG", SEEN_SIDE // 2, SEEN_SIDE) == size_of(shown)
    assert b"Secret Camera" not in shown


async def test_what_can_be_seen_through_is_shown_on_white(media: MediaFolder, pictures: StoredImages) -> None:
    data = picture("PNG", mode="RGBA", colour=(0, 0, 0, 0))
    shown = await pictures.thumbnail(await media.keep(data, mime="image/png", name="cat.png"))

    with Image.open(BytesIO(shown)) as opened:
        assert (255, 255, 255) == opened.getpixel((4, 4))


async def test_the_colours_of_print_become_those_of_a_screen(media: MediaFolder, pictures: StoredImages) -> None:
    kept = await pictures.keep(picture("JPEG", mode="CMYK", colour=(0, 255, 255, 0)), name="cat")

    with Image.open(BytesIO(await media.read(kept))) as opened:
        assert "RGB" == opened.mode


async def test_of_sixteen_bits_the_model_is_shown_the_upper_ones(pictures: StoredImages) -> None:
    scan = await pictures.keep(picture("PNG", mode="I;16", colour=0x4000), name="scan")

    with Image.open(BytesIO(await pictures.thumbnail(scan))) as opened:
        assert (0x40, 0x40, 0x40) == opened.getpixel((4, 4))


@pytest.mark.parametrize("broken", [b"MM\x05*", b"XX\x00*"])
async def test_what_the_camera_noted_may_be_broken(pictures: StoredImages, broken: bytes) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    target = BytesIO()
    Image.new("RGB", (40, 20), "red").save(target, "JPEG", exif=exif)
    assert b"MM\x00*" in target.getvalue()
    photograph = await pictures.keep(target.getvalue().replace(b"MM\x00*", broken), name="cat")

    assert ("JPEG", 40, 20) == size_of(await pictures.thumbnail(photograph))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: b"", id="nothing"),
        pytest.param(lambda: b"<html>not found</html>", id="a web page"),
        pytest.param(lambda: noise("JPEG", 64, 64)[:900], id="half a JPEG"),
        pytest.param(lambda: noise("PNG", 64, 64)[:900], id="half a PNG"),
        pytest.param(lambda: noise("WEBP", 64, 64)[:900], id="half a WebP"),
        pytest.param(lambda: noise("AVIF", 64, 64).replace(b"iinf", b"xxxx"), id="an AVIF without its items"),
        pytest.param(lambda: picture("PNG", 9000, 9000, mode="1", colour=0), id="a bomb"),
        pytest.param(lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", id="a format that runs programs"),
    ],
)
async def test_what_is_no_picture_is_said_to_be_none(pictures: StoredImages, make: Callable[[], bytes]) -> None:
    data = make()
    with pytest.raises(Unreadable):
        await pictures.keep(data, name="cat")


@pytest.mark.parametrize(
    ("make", "most"),
    [
        pytest.param(lambda: blank("PNG", "1", 4960 * 4960), 24, id="png"),
        pytest.param(lambda: blank("GIF", "L", 4960 * 4960), 24, id="gif"),
        pytest.param(lambda: webp_claiming(4001, 4000), 16, id="webp"),
        pytest.param(lambda: webp_claiming(16_384, 16_384), 16, id="the largest webp"),
    ],
)
async def test_what_is_too_large_is_said_to_be_before_it_is_decoded(
    media: MediaFolder, pictures: StoredImages, make: Callable[[], bytes], most: int
) -> None:
    data = make()
    kept = await media.keep(data, mime="", name="")

    for use in (lambda: pictures.thumbnail(kept), lambda: pictures.keep(data, name="")):
        with pytest.raises(TooLarge) as refused:
            await use()
        assert most == refused.value.most


async def test_a_picture_is_made_small_once(media: MediaFolder, pictures: StoredImages) -> None:
    kept = await media.keep(picture("JPEG"), mime="image/jpeg", name="cat.jpg")
    shown = await pictures.thumbnail(kept)
    await media.keep_variant(kept, "small", b"what it was made the first time")

    assert ("JPEG", 64, 48) == size_of(shown)
    assert b"what it was made the first time" == await pictures.thumbnail(kept)


async def test_what_was_made_small_goes_with_the_picture(media: MediaFolder, pictures: StoredImages) -> None:
    kept = await media.keep(picture("JPEG"), mime="image/jpeg", name="cat.jpg")
    await pictures.thumbnail(kept)
    await media.remove([kept.sha256])

    with pytest.raises(Undeliverable):
        await pictures.thumbnail(kept)


async def test_a_picture_that_is_gone_is_said_to_be(pictures: StoredImages) -> None:
    with pytest.raises(Undeliverable):
        await pictures.thumbnail(StoredMedia("0" * 64, "image/jpeg", "cat.jpg", 6))
