"""Terminals that cannot show every character."""

import io

import pytest

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
