"""The log file: made, written to, put aside when it is large or old, and found again when it was taken away."""

import io
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from pipeline.errors import SettingsInvalid
from pipeline.settings import Log
from web.logs.setup import configure_logs

log = structlog.get_logger()


def test_the_file_is_made_with_its_folder_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "webot.log"

    stream = io.StringIO()
    with configure_logs(Log(output="file", path=str(path)), stream=stream):
        log.info("turn_sent")

    assert "" == stream.getvalue()
    assert "turn_sent" in path.read_text(encoding="utf-8")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_both_means_the_same_line_twice(tmp_path: Path) -> None:
    path = tmp_path / "webot.log"
    stream = io.StringIO()
    with configure_logs(Log(output="both", path=str(path)), stream=stream):
        log.info("turn_sent", key="x")

    assert stream.getvalue() == path.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsInvalid, match=r"\[log\] path: .*file/webot.log' cannot be written"):
        configure_logs(Log(output="file", path=str(tmp_path / "file" / "webot.log")))


def test_a_log_file_that_is_none_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "webot.log")

    with pytest.raises(SettingsInvalid, match="is not a regular file"):
        configure_logs(Log(output="file", path=str(tmp_path / "webot.log")))


def test_a_full_disk_is_told_once_and_without_the_lines_that_were_lost(tmp_path: Path) -> None:
    program = f"""
import resource, structlog
from pipeline.settings import Log
from web.logs.setup import configure_logs
with configure_logs(Log(output="file", path={str(tmp_path / "webot.log")!r}), ["hunter22"]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for _ in range(3):
        structlog.get_logger().info("turn_sent", words="hunter22")
"""
    ran = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (0, "webot: the log file cannot be written: [Errno 27] File too large\n") == (ran.returncode, ran.stderr)


@pytest.mark.parametrize(("kept", "files"), [(2, 3), (0, 1)])
def test_a_new_file_is_begun_each_day_and_so_many_are_kept(tmp_path: Path, kept: int, files: int) -> None:
    path = tmp_path / "webot.log"
    day = 24 * 60 * 60
    for days_ago in (5, 4, 3, 2, 1, 0):
        with configure_logs(Log(output="file", path=str(path), rotation_count=kept)):
            log.info("day", ago=days_ago)
        # As if the file had been written to for the last time on that day.
        written_at = time.time() - days_ago * day
        os.utime(path, (written_at, written_at))

    assert files == len(list(tmp_path.iterdir()))
    assert "ago=0" in path.read_text(encoding="utf-8")


def test_a_new_file_is_begun_when_one_is_large_and_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "webot.log"
    with configure_logs(Log(output="file", path=str(path), rotation_count=3, rotation_mb=0.01)):
        for number in range(600):
            log.info("much", number=number, words="x" * 80)
    files = list(tmp_path.iterdir())
    written = sorted(_numbers(file) for file in files)
    numbers = [number for each in written for number in each]

    assert 4 == len(files)
    # The day may have changed meanwhile.
    assert all(re.fullmatch(r"webot\.log(\.\d{4}-\d\d-\d\d(\.\d+)?)?", file.name) for file in files)
    assert max(file.stat().st_size for file in files) < 11_000
    assert written[-1] == _numbers(path)
    assert list(range(numbers[0], 600)) == numbers


def _numbers(file: Path) -> list[int]:
    return [int(found) for found in re.findall(r"number=([0-9]+)", file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("gone", ["moved", "deleted", "replaced"])
def test_a_file_that_another_program_took_away_is_begun_anew(tmp_path: Path, gone: str) -> None:
    path, moved = tmp_path / "webot.log", tmp_path / "elsewhere"
    logs = configure_logs(Log(output="file", path=str(path)))
    log.info("before")
    _until(lambda: "before" in path.read_text(encoding="utf-8"))
    if gone == "deleted":
        path.unlink()
    else:
        path.rename(moved)
    if gone == "replaced":
        path.write_text("", encoding="utf-8")
    log.info("after")
    logs.close()

    assert "after" in path.read_text(encoding="utf-8")
    assert "before" not in path.read_text(encoding="utf-8")
    assert (gone == "deleted") or "after" not in moved.read_text(encoding="utf-8")


def test_a_file_that_was_emptied_in_its_place_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "webot.log"
    with configure_logs(Log(output="file", path=str(path))):
        log.info("before")
        _until(lambda: "before" in path.read_text(encoding="utf-8"))
        os.truncate(path, 0)
        log.info("after")

    assert [True] == ["after" in line for line in path.read_text(encoding="utf-8").splitlines()]


def test_where_a_file_cannot_be_put_aside_no_line_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "webot.log"
    now = time.time()
    # Of tomorrow too, which may come meanwhile.
    for moment in (now, now + 24 * 60 * 60):
        taken = tmp_path / f"webot.log.{time.strftime('%Y-%m-%d', time.localtime(moment))}"
        taken.mkdir()
        (taken / "full").touch()
    with configure_logs(Log(output="file", path=str(path), rotation_count=1, rotation_mb=0.001)):
        for number in range(100):
            log.info("much", number=number)

    assert "number=99" in path.read_text(encoding="utf-8")
    assert capsys.readouterr().err.count("cannot be written") <= 1


def _until(holds: Callable[[], bool]) -> None:
    """Wait for the thread that writes."""
    ends = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.002)
