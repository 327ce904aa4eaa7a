import pickle
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import diskcache
import pytest
from structlog.testing import capture_logs

from adapters.wecom.client.cache import Cache, PickleRefused, PlainDisk
from tests.hand_clock import HandClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "wecom"


@pytest.fixture
async def cache(folder: Path) -> AsyncIterator[Cache]:
    cache = Cache(folder)
    yield cache
    await cache.aclose()


async def text_of(cache: Cache, key: str) -> str | None:
    kept = await cache.get(key)
    return kept.text if kept else None


async def test_what_is_kept_is_there(cache: Cache) -> None:
    await cache.put("key", "文本", seconds=60)

    assert await text_of(cache, "key") == "文本"
    assert await cache.get("other") is None


async def test_what_is_kept_outlives_the_process(cache: Cache, folder: Path) -> None:
    await cache.put("key", "text", seconds=60)
    later = Cache(folder)

    assert await text_of(later, "key") == "text"
    await later.aclose()


async def test_what_is_forgotten_is_gone_from_the_disk_too(cache: Cache, folder: Path) -> None:
    await cache.put("key", "text", seconds=60)
    await cache.forget("key")
    later = Cache(folder)

    assert await cache.get("key") is None
    assert await later.get("key") is None
    await later.aclose()


async def test_what_is_too_old_is_not_given(folder: Path) -> None:
    clock = HandClock()
    cache = Cache(folder, clock=clock)
    await cache.put("key", "text", seconds=60)
    clock.now += 60

    assert await cache.get("key") is None
    await cache.aclose()


async def test_the_folder_is_nobody_elses_to_read(cache: Cache, folder: Path) -> None:
    await cache.put("key", "text", seconds=60)

    assert mode_of(folder) == 0o700


async def test_a_planted_pickle_is_not_read(cache: Cache, folder: Path, tmp_path: Path) -> None:
    await cache.put("key", "text", seconds=60)
    harm = tmp_path / "harm"
    plant(folder, "evil", pickle.dumps(Touch(harm)))
    later = Cache(folder)

    with capture_logs() as logs:
        assert await later.get("evil") is None

    assert not harm.exists()
    assert ["wecom_cache_unusable"] == [entry["event"] for entry in logs]
    await later.aclose()


def test_the_disk_refuses_what_it_would_have_to_pickle(tmp_path: Path) -> None:
    with diskcache.Cache(str(tmp_path), disk=PlainDisk) as disk:
        with pytest.raises(PickleRefused):
            disk.set("key", ["a list"])
        with pytest.raises(PickleRefused):
            disk.set(("a", "tuple"), "text")

        assert list(disk) == []


async def test_a_corrupt_disk_costs_one_warning_and_nothing_else(folder: Path) -> None:
    spoil(folder)
    cache = Cache(folder)

    with capture_logs() as logs:
        await cache.put("key", "text", seconds=60)
        await cache.put("other", "text", seconds=60)

        assert await text_of(cache, "key") == "text"

    assert [("wecom_cache_unusable", "warning")] == [(entry["event"], entry["log_level"]) for entry in logs]
    await cache.aclose()


async def test_a_folder_that_cannot_be_made_costs_one_warning_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "cache")

    with capture_logs() as logs:
        await cache.put("key", "text", seconds=60)

        assert await text_of(cache, "key") == "text"

    assert len(logs) == 1
    await cache.aclose()


async def test_a_closed_cache_still_remembers(folder: Path) -> None:
    cache = Cache(folder)
    await cache.put("key", "text", seconds=60)
    await cache.aclose()

    assert await text_of(cache, "key") == "text"


@pytest.mark.parametrize("stored", ["", "[]", '["text"]', '["text", "soon"]', '["text", NaN]', '{"a": 1}'])
async def test_an_entry_of_another_shape_is_no_entry(cache: Cache, folder: Path, stored: str) -> None:
    await cache.put("key", "text", seconds=60)
    with diskcache.Cache(str(folder), disk=PlainDisk) as disk:
        disk.set("odd", stored)

    assert await cache.get("odd") is None


class Touch:
    """A pickle that leaves a file where it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self._path,))


def mode_of(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def spoil(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "cache.db").write_bytes(b"this is no database at all, but it is long enough to be looked at" * 100)


def plant(folder: Path, key: str, pickled: bytes) -> None:
    connection = sqlite3.connect(folder / "cache.db")
    with connection:
        connection.execute(
            "INSERT INTO Cache (key, raw, store_time, access_time, mode, value) VALUES (?, 1, 0, 0, ?, ?)",
            (key, diskcache.core.MODE_PICKLE, pickled),
        )
    connection.close()
