"""Terminals that cannot show every character."""

import io
from pathlib import Path

import pytest

from tests.web.shell import webot_here
from tests.web.test_every_verb import ELSEWHERE, RUNS
from web.terminal.encoding import write_what_terminals_show


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("gbk", "√ 模型 × → … ?"),
        ("latin-1", "+ ?? × -> ... ?"),
        ("ascii", "+ ?? x -> ... ?"),
        ("utf-8", "✓ 模型 ✗ → … 😀"),
    ],
)
def test_what_a_terminal_lacks_becomes_the_nearest_it_has(encoding: str, shown: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    write_what_terminals_show(stream)
    stream.write("✓ 模型 ✗ → … 😀")
    stream.flush()

    assert shown == raw.getvalue().decode(encoding)


@pytest.mark.parametrize(("encoding", "language"), [("gbk", "zh"), ("latin-1", "zh"), ("ascii", "en")])
def test_no_verb_breaks_on_a_terminal_that_lacks_characters(tmp_path: Path, encoding: str, language: str) -> None:
    environ = {"LANG": "C", "WEBOT_CHAT__LANGUAGE": language}
    (tmp_path / "config.yaml").write_text("你好\n", encoding="utf-8")
    lines = [
        *((args, code) for args, code, _ in RUNS.values()),
        *(([verb, "--help"], 0) for verb in ELSEWHERE),
        (["chains", "try", "translator", "‘😀’"], 0),
        (["nosuch😀"], 2),
    ]
    for args, code in lines:
        ran = webot_here(*args, folder=tmp_path, environ=environ, encoding=encoding)

        assert (args, code) == (args, ran.code), ran.err
        assert (ran.out + ran.err).strip()
    environ["WEBOT_CHAT__TURNS"] = "✓"

    assert 1 == webot_here("doctor", folder=tmp_path, environ=environ, encoding=encoding).code
