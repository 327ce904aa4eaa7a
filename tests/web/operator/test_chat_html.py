"""Answers of trials as the chat shows them, and what only one of two says marked in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.i18n import Catalogue
from web.operator.reports.chat_html import chat_html, compared_html

ENGLISH = Catalogue("en")
WORDS = st.text(alphabet=st.sampled_from("ab 今天*`#>|-\n<&;[](.)"), max_size=80)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("**注意：**请先备份", "<strong>注意：</strong>请先备份", id="Chinese bold"),
        pytest.param("# 假期\n- 年假", 'aria-level="1">假期</p>', id="a heading"),
        pytest.param("用 `ls` 看", "<code>ls</code>", id="code"),
        pytest.param("[手册](https://a.example/b)", '<a href="https://a.example/b"', id="a link"),
        pytest.param("[手册](javascript:alert(1))", "手册", id="an address that would run"),
        pytest.param("<script>x</script>", "&lt;script&gt;", id="script"),
        pytest.param("\x1b[31mred", "[31mred", id="control characters"),
        pytest.param("#", "#", id="markup around nothing"),
    ],
)
def test_an_answer_is_shown_as_the_chat_shows_it(text: str, wanted: str) -> None:
    shown = chat_html(text, ENGLISH)

    assert wanted in shown
    assert "**" not in shown
    assert "<script" not in shown
    assert 'href="javascript' not in shown


def test_a_difference_is_marked_inside_of_its_markup() -> None:
    live, draft = compared_html("**年假 5 天** & 病假", "**年假 6 天** & 病假", ENGLISH)

    assert "<strong>年假 <del>5</del> 天</strong> &amp; 病假" in live
    assert "<strong>年假 <ins>6</ins> 天</strong> &amp; 病假" in draft


def test_equal_answers_have_no_mark() -> None:
    live, draft = compared_html("| a | b |\n|---|---|\n| **1** | 2 |", "| a | b |\n|---|---|\n| **1** | 2 |", ENGLISH)

    assert live == draft
    assert "<ins>" not in draft


@given(WORDS, WORDS)
def test_marks_take_no_word_and_no_tag_away(before: str, after: str) -> None:
    for marked, text in zip(compared_html(before, after, ENGLISH), (before, after), strict=True):
        assert str(chat_html(text, ENGLISH)) == re.sub("</?(?:ins|del)>", "", marked)
