"""The zone whose days and times are told and counted."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exports.writers.header import stamp
from exports.writers.jsonl import moment
from pipeline.answer import Conversation
from pipeline.text.time_zone import use_timezone
from storage.usage.batch import day_of
from tests.chains.harness import RecentMemory, open_chains_harness
from web.operator.shell import Shell

LATE = datetime(2026, 11, 30, 20, 30, tzinfo=UTC)
"""In China it is the first of December already."""


@pytest.fixture(autouse=True)
def machine() -> Iterator[None]:
    yield
    use_timezone("")


async def test_what_is_told_and_counted_follows_the_zone() -> None:
    use_timezone("Asia/Shanghai")
    past = (Conversation(1, 1, 1, LATE, LATE, "标题"),)
    async with open_chains_harness(memory=RecentMemory(past=past)) as it:
        history = await it.said("@history")

    assert "2026-12-01 04:30" in history
    assert "2026-12-01 04:30" == stamp(LATE.timestamp())
    assert "2026-12-01T04:30:00.000+08:00" == moment(LATE.timestamp())
    assert datetime(2026, 12, 1, tzinfo=UTC).toordinal() - day_of(LATE.timestamp()) == 719163


def test_no_zone_is_the_machines() -> None:
    before = time.tzname
    use_timezone("Pacific/Auckland")
    use_timezone("")

    assert before == time.tzname


def test_the_shell_takes_the_zone_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text(
        f'[chat]\ntimezone = "Asia/Tokyo"\n[storage]\ndata_dir = "{tmp_path / "data"}"\n'
    )
    Shell(tmp_path, {}).load()

    assert "2026-12-01 05:30" == stamp(LATE.timestamp())
