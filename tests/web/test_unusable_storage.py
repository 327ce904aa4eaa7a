"""What is wrong with the place where things are kept is told in a line that names it, never in a traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.web.shell import webot

_PAGE = 4096


def data_is_a_file(folder: Path) -> None:
    (folder / "data").write_text("a file")


def no_database(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "webot.db").write_bytes(b"Dear Sir or Madam, " * 1000)


def damaged(folder: Path) -> None:
    """The file begins as SQLite's do; the pages of its tables hold nothing that can be read."""
    (folder / "data").mkdir()
    head = b"SQLite format 3\0" + bytes.fromhex("1000020200402020") + bytes(4) + (3).to_bytes(4, "big")
    first = (head + bytes(8) + (1).to_bytes(4, "big") + (4).to_bytes(4, "big")).ljust(_PAGE, b"\0")
    (folder / "data" / "webot.db").write_bytes(first + b"\xff" * (2 * _PAGE))


_DATA = "[storage] data_dir: 'data' 不是文件夹；请指定本账号可写的文件夹"
_FILE = "数据库无法使用：文件已损坏，或者不是数据库；请从备份恢复（file is not a database）"
_PAGES = "数据库无法使用：文件已损坏，或者不是数据库；请从备份恢复（database disk image is malformed）"


@pytest.mark.parametrize(
    ("broken", "verb", "expected"),
    [
        pytest.param(data_is_a_file, "serve", _DATA, id="a file for a folder, at the start"),
        pytest.param(data_is_a_file, "check", _DATA, id="a file for a folder, checked"),
        pytest.param(no_database, "serve", _FILE, id="no database, at the start"),
        pytest.param(no_database, "turns", _FILE, id="no database, looked at"),
        pytest.param(damaged, "serve", _PAGES, id="damaged pages, at the start"),
        pytest.param(damaged, "migrate", _PAGES, id="damaged pages, brought up"),
        pytest.param(damaged, "export --out new", _PAGES, id="damaged pages, exported"),
    ],
)
async def test_a_verb_tells_what_it_cannot_use(
    broken: Callable[[Path], None], verb: str, expected: str, tmp_path: Path
) -> None:
    broken(tmp_path)
    ran = await webot(*verb.split(), folder=tmp_path, environ={"WEBOT_SERVER__PORT": "0"})

    assert 1 == ran.code
    assert expected in ran.err
    assert len(ran.err.splitlines()) <= 2


async def test_chains_are_listed_without_a_folder_for_them(tmp_path: Path) -> None:
    data_is_a_file(tmp_path)
    ran = await webot("chains", "list", folder=tmp_path)

    assert 0 == ran.code
    assert "Traceback" not in ran.err


async def test_the_doctor_names_what_cannot_be_used(tmp_path: Path) -> None:
    data_is_a_file(tmp_path)
    environ = {"WEBOT_CHAT__LANGUAGE": "en", "WEBOT_SERVER__PORT": "0"}
    ran = await webot("doctor", folder=tmp_path, environ=environ)

    assert 1 == ran.code
    assert "[storage] data_dir: 'data' is no folder; name a folder this account may write" in ran.out
    assert "Traceback" not in ran.out + ran.err
