"""The bounds on Markdown: within them it reads as CommonMark, beyond them nothing is lost."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.text.markdown.bounds import MOST_CELLS, MOST_TOKENS, bound

BOUND = bound(MarkdownIt("commonmark", {"html": False}).enable("table"))
LIBRARY = MarkdownIt("commonmark", {"html": False, "maxNesting": 24}).enable("table")
LINES = (
    *(
        "a",
        "字",
        "**a**",
        "a | b",
        "--- | ---",
        "---",
        "===",
        "=",
        "-",
        "- x",
        "+",
        "1. y",
        "2. z",
        "# h",
        "> q",
        "```",
    ),
    *("~~~", "", "  ", "    c", "\ta", "* * *", "[a]: b", "   ---", " - ", "a  ", "a\\", "[a]", "`b`"),
)


@given(lines=st.lists(st.sampled_from(LINES), max_size=10))
@settings(max_examples=400)
def test_ordinary_text_reads_as_by_the_library(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert LIBRARY.render(text) == BOUND.render(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("|a|b|\n|-|-|\n|1|2|3|4|", "2 | 3 | 4", id="cells beyond the columns"),
        pytest.param("好\n" + "`" * 2100, "`" * 2100, id="a fence of 2,100 backticks"),
        pytest.param("好\n" + "-" * 2100, "-" * 2100, id="an underline of 2,100 dashes"),
        pytest.param("*" * 2100, "*" * 2100, id="a rule of 2,100 asterisks"),
        pytest.param("> " * 300 + "好", "好", id="300 quotes"),
        pytest.param("- " * 300 + "好", "好", id="300 lists"),
        pytest.param("[" * 4000 + "好", "[" * 4000, id="4,000 brackets"),
    ],
)
def test_what_markdown_would_leave_out_is_shown(text: str, shown: str) -> None:
    assert shown in BOUND.render(text)


def test_a_table_has_no_more_cells_than_may_be() -> None:
    table = "|" + "a|" * 256 + "\n|" + "-|" * 256 + "\n" + "|\n" * 230

    cells = [token for token in BOUND.parse(table) if token.type == "td_open"]

    assert len(cells) <= MOST_CELLS
    assert "|a|a|" in BOUND.render(table)


def test_the_tables_of_a_text_together_have_no_more_cells_than_may_be() -> None:
    table = "|a|b|\n|-|-|\n" + "|1|2|\n" * 90 + "\n"

    cells = [token for token in BOUND.parse(table * 20) if token.type in {"th_open", "td_open"}]

    assert 0 < len(cells) <= MOST_CELLS
    assert table.count("1") * 20 == BOUND.render(table * 20).count("1")


@pytest.mark.parametrize("sign", "-=*_")
def test_a_rule_as_wide_as_a_page_is_a_rule_and_a_longer_one_is_words(sign: str) -> None:
    page, longer = (f"words\n{sign * length}\n\n{sign * length}\n" for length in (120, 2100))

    assert LIBRARY.render(page) == BOUND.render(page)
    assert 2 * 2100 == BOUND.render(longer).count(sign)


@pytest.mark.parametrize(
    "line",
    [
        *("{}\n\n", "1) {}\n", "- [ ] {}\n", "- {}\n\n", "# {}\n", "> {}\n\n", "- > {}\n", "> - {}\n", "- 1. {}\n"),
        *("```\n{}\n```\nb\n", "| {} |\n|-|\n\n", "- a\n\n  {}\n", "> {}\nb\n\n", "    {}\n\nb\n\n"),
    ],
)
def test_what_follows_a_great_many_blocks_is_shown_as_it_was_written(line: str) -> None:
    text = "".join(line.format(f"w{number}.") for number in range(MOST_TOKENS))
    tokens = BOUND.parse(text)
    shown = [token.content for token in tokens if token.type in {"inline", "code_block", "fence"}]

    assert len(tokens) < MOST_TOKENS + 50
    assert "code_block" in {token.type for token in tokens[-5:]}
    assert [f"w{number}." for number in range(MOST_TOKENS)] == re.findall(r"w\d+\.", "\n".join(shown))
