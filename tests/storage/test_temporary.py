"""Temporary files have a place where the system has none."""

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys, tempfile
from pathlib import Path
from storage.temporary import provide_temporary_folder

def none() -> str:
    raise FileNotFoundError("No usable temporary directory found")

provide_temporary_folder(Path(sys.argv[1]), find=none)
with tempfile.TemporaryDirectory() as folder:
    print(Path(folder).parent)
"""


def test_without_one_they_go_into_the_data_folder(tmp_path: Path) -> None:
    ran = subprocess.run(  # noqa: S603 -- this Python
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "data")], capture_output=True, text=True, check=True
    )

    assert f"{tmp_path}/data/tmp\n" == ran.stdout
    assert 0o700 == os.stat(tmp_path / "data" / "tmp").st_mode & 0o777  # noqa: PTH116 -- as short
