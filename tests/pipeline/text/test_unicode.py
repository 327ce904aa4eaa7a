"""What of a text a reader sees as one character."""

import pytest

from pipeline.text.markdown.commonmark import parse
from pipeline.text.markdown.escape import escape_markdown
from pipeline.text.unicode import beginning

FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("你好世界", 2, "你好"),
        ("你好", 9, "你好"),
        (f"一{FAMILY}二", 3, "一"),
        (f"一{FAMILY}二", 6, f"一{FAMILY}"),
        ("🇨🇳🇨🇳", 3, "🇨🇳"),
        ("👍🏽👍🏽", 3, "👍🏽"),
        ("e\u0301e\u0301", 3, "e\u0301"),
        ("", 3, ""),
        ("a" + "\u0301" * 9, 3, ""),
    ],
)
def test_no_character_is_cut(text: str, most: int, expected: str) -> None:
    assert expected == beginning(text, most)


def test_a_title_that_is_cut_keeps_its_emoji_whole() -> None:
    assert "一…" == escape_markdown(f"一{FAMILY}二三", most=4)


def test_brackets_that_somebody_wrote_are_no_formula_and_no_link() -> None:
    for text in ("[order_id] 是什么", "[a](https://a.example)", "\\[x\\]", "![a](b) [c]: d"):
        inline = parse(escape_markdown(text, most=200), {})[1]

        assert {"text", "text_special"} >= {each.type for each in inline.children or ()}, text
        assert text == "".join(each.content for each in inline.children or ())
