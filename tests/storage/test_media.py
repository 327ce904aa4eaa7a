"""The folder of pictures, recordings and documents: each kept once, and not for ever."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from time import time

import pytest

from pipeline.errors import Undeliverable
from pipeline.replies import StoredMedia
from storage.media import MediaFolder

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

    assert 1 == await media.sweep(days=7)
    assert b"new" == await media.read(new)
    with pytest.raises(Undeliverable, match="gone"):
        await media.read(old)


async def test_what_is_stored_once_more_stays(media: MediaFolder, age: Callable[[StoredMedia, float], None]) -> None:
    kept = await keep(media, b"again")
    await asyncio.to_thread(age, kept, 8)
    await keep(media, b"again")

    assert 0 == await media.sweep(days=7)
    assert b"again" == await media.read(kept)


async def test_a_folder_that_is_not_there_yet_is_clean(media: MediaFolder) -> None:
    assert 0 == await media.sweep(days=1)
