"""Rows as lines of a terminal."""

import pytest

from web.operator.table import format_columns


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\u2028", "\x0b"])
def test_a_row_is_one_line_whatever_is_in_its_cells(line_end: str) -> None:
    rows = [("name", "what"), ("翻译", f"a{line_end}b"), ("x", "c")]

    assert ["name  what", "翻译  a b", "x     c"] == [*format_columns(rows)]
