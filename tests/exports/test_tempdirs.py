"""Folders to render in: none outlives the process that made it for long, and none is taken from a living one."""

import asyncio
import subprocess
import sys
from pathlib import Path

from exports.tempdirs import sweep, work_folder

OWNER = """
import asyncio, sys
from pathlib import Path
from exports.tempdirs import work_folder

async def main():
    async with work_folder(Path(sys.argv[1])) as folder:
        (folder / "heads.json").write_text("secret")
        print(folder, flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


def test_a_folder_goes_with_a_killed_process_and_not_before(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdin=pipe, stdout=pipe, text=True) as owner:  # noqa: S603 (our own)
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())

        assert 0 == sweep(tmp_path)
        assert folder.is_dir()
        owner.kill()
    assert folder.is_dir()
    assert 1 == sweep(tmp_path)
    assert not folder.exists()


async def test_the_next_export_takes_away_what_was_left_behind(tmp_path: Path) -> None:
    left = tmp_path / "webot-export-left"
    await asyncio.to_thread(left.mkdir)
    async with work_folder(tmp_path) as first, work_folder(tmp_path) as second:
        there = await asyncio.to_thread(lambda: sorted(tmp_path.iterdir()))

    assert sorted([first, second]) == there
    assert [] == await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


def test_what_is_somebody_elses_or_no_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "webot-export-link").symlink_to(tmp_path / "other")
    (tmp_path / "webot-export-file").touch()

    assert 0 == sweep(tmp_path)
    assert 3 == len(list(tmp_path.iterdir()))
