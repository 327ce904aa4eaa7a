"""The folder of pictures, recordings and documents: each kept once, and not for ever."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from time import time

import pytest

from pipeline.errors import Undeliverable
from pipeline.replies import StoredMedia
from storage.media.files import MediaFolder

DAY = 24 * 3600.0


@pytest.fixture
def media(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


@pytest.fixture
def age(tmp_path: Path) -> Callable[[StoredMedia, float], None]:
    def make_old(kept: StoredMedia, days: float) -> None:
        at = time() - days * DAY
        os.utime(tmp_path / "media" / kept.sha256[:2] / kept.sha256, (at, at))

    return make_old


async def keep(media: MediaFolder, data: bytes) -> StoredMedia:
    return await media.keep(data, mime="image/png", name="image.png")


async def test_equal_bytes_are_kept_once(media: MediaFolder, tmp_path: Path) -> None:
    first, second, _ = [await keep(media, data) for data in (b"one", b"one", b"two")]
    files = await asyncio.to_thread(lambda: [path for path in (tmp_path / "media").rglob("*") if path.is_file()])

    assert first == second
    assert 2 == len(files)
    assert b"one" == await media.read(first)


async def test_what_is_old_goes(media: MediaFolder, age: Callable[[StoredMedia, float], None]) -> None:
    old, new = [await keep(media, data) for data in (b"old", b"new")]
    await asyncio.to_thread(age, old, 8)
    await asyncio.to_thread(age, new, 6)

    assert 1 == await media.sweep(before=time() - 7 * DAY)
    assert b"new" == await media.read(new)
    with pytest.raises(Undeliverable, match="gone"):
        await media.read(old)


async def test_what_is_stored_once_more_stays(media: MediaFolder, age: Callable[[StoredMedia, float], None]) -> None:
    kept = await keep(media, b"again")
    await asyncio.to_thread(age, kept, 8)
    await keep(media, b"again")

    assert 0 == await media.sweep(before=time() - 7 * DAY)
    assert b"again" == await media.read(kept)


async def test_a_folder_that_is_not_there_yet_is_clean(media: MediaFolder) -> None:
    assert 0 == await media.sweep(before=time() - DAY)


@pytest.fixture
def files(tmp_path: Path) -> Callable[[], int]:
    return lambda: sum(path.is_file() for path in (tmp_path / "media").rglob("*"))


async def test_what_is_made_of_a_file_is_kept_beside_it(media: MediaFolder) -> None:
    kept = await keep(media, b"large")
    before = await media.read_variant(kept, "small")
    await media.keep_variant(kept, "small", b"tiny")

    assert before is None
    assert b"tiny" == await media.read_variant(kept, "small")


async def test_what_is_made_of_a_file_is_removed_with_it(media: MediaFolder, files: Callable[[], int]) -> None:
    kept = await keep(media, b"large")
    await media.keep_variant(kept, "small", b"tiny")

    assert 1 == await media.remove([kept.sha256])
    assert 0 == await asyncio.to_thread(files)


async def test_what_is_made_of_a_file_grows_as_old_as_it(
    media: MediaFolder, age: Callable[[StoredMedia, float], None], files: Callable[[], int]
) -> None:
    kept = await keep(media, b"large")
    await asyncio.to_thread(age, kept, 8)
    await media.keep_variant(kept, "small", b"tiny")

    assert {kept.sha256} == await media.stored_before(time() - 7 * DAY)
    assert 1 == await media.sweep(before=time() - 7 * DAY)
    assert 0 == await asyncio.to_thread(files)


async def test_nothing_made_of_a_file_outlives_one_removed_meanwhile(
    media: MediaFolder, files: Callable[[], int]
) -> None:
    kept = await keep(media, b"large")
    await media.remove([kept.sha256])
    await media.keep_variant(kept, "small", b"tiny")

    assert 0 == await asyncio.to_thread(files)
