"""Coloured code: every character as it was, and a span only where there is a colour."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.writers.code import coloured, colours, dark_colours

CODE = """def missing(need: int) -> str:
    \"\"\"Give "<what>"
    is & not there.\"\"\"
    return f'{need!r}\\n'  # 缺多少
"""


def bare(shown: str) -> str:
    return html.unescape(re.sub(r"</?span[^>]*>", "", shown))


@pytest.mark.parametrize("language", ["python", "json", "sql", "", "no such language"])
def test_code_keeps_every_character(language: str) -> None:
    assert CODE == bare(coloured(CODE, language))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_whatever_is_called_code_keeps_every_character(code: str) -> None:
    assert code == bare(coloured(code, "javascript"))


def test_each_span_has_a_colour_and_what_has_none_has_no_span() -> None:
    shown = coloured(CODE, "python")

    assert set(re.findall(r'class="(\w+)"', shown)) <= set(colours())
    assert "(need: <span" in shown


def test_code_in_no_known_language_is_plain() -> None:
    assert "a &lt; b" == coloured("a < b", "no such language")


def test_a_dark_page_has_other_colours_for_the_same_classes() -> None:
    dark = dark_colours()

    assert all(f"pre .{name} {{" in dark for name in colours())
    assert "color: #fff" not in "".join(colours().values())
