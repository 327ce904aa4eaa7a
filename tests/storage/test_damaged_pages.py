"""A database of which one table's page is damaged: whatever notices it says so in a line, and restores are advised."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from storage.database.access import DatabaseUnusable
from tests.databases import place_migrated_file
from tests.service import running_service

_PAGE = 4096


def zeros(page: bytes) -> bytes:
    return bytes(len(page))


def backwards(page: bytes) -> bytes:
    return page[::-1]


@cache
def _roots(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as database:
        return dict(database.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table' AND rootpage > 0"))


def _damage(file: Path, table: str, how: Callable[[bytes], bytes]) -> None:
    data = bytearray(file.read_bytes())
    at = slice((_roots(file)[table] - 1) * _PAGE, _roots(file)[table] * _PAGE)
    data[at] = how(bytes(data[at]))
    file.write_bytes(data)


@pytest.mark.parametrize("how", [zeros, backwards])
@pytest.mark.parametrize(
    "table",
    [
        *("audit", "chain_releases", "chain_revisions", "chain_states", "connection_holders", "console_users"),
        *("conversations", "doomed_files", "exported_files", "forgotten_keys", "inbox", "jobs", "lanes", "messages"),
        *("outbox", "people", "polled_streams", "removed_keys", "search_index", "spending", "workers"),
    ],
)
async def test_a_start_with_a_damaged_table_goes_on_or_says_so(
    table: str, how: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    file = tmp_path / "webot.db"
    place_migrated_file(file)
    _damage(file, table, how)
    said = "the file is damaged, or is no database; restore it from a backup"
    url = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{file}"}
    try:
        async with running_service(tmp_path, url) as service:
            said += (await service.http.get("/healthz")).text
    except DatabaseUnusable as error:
        said = str(error)

    assert "restore it from a backup" in said
