"""Folders with what people said in them are their owner's alone, also those that were made before that was so."""

import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.errors import SettingsInvalid
from storage.rights import keep_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with capture_logs() as logs:
        keep_private(tmp_path / "data", tmp_path / "data" / "media")

    assert (0o700, 0o700) == (mode(tmp_path / "data"), mode(tmp_path / "data" / "media"))
    assert [] == logs


@pytest.mark.parametrize("wide", [0o755, 0o750, 0o777, 0o711])
def test_a_folder_open_to_others_is_closed_and_the_log_says_so(tmp_path: Path, wide: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(wide)
    with capture_logs() as logs:
        keep_private(folder)
        keep_private(folder)

    assert 0o700 == mode(folder)
    assert [("folder_closed_to_others", f"{wide:04o}", "0700")] == [(e["event"], e["was"], e["now"]) for e in logs]


def test_a_folder_that_cannot_be_made_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        SettingsInvalid, match=r"\[storage\] data_dir: .*file/data.* cannot be made: a part of the path is not a folder"
    ):
        keep_private(tmp_path / "file" / "data")
