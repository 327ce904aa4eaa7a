"""What is shown of a text that was found."""

import pytest

from storage.search.snippet import SnippetPiece, snippet


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("可以，最多 **5 天**，要在三月底前休完。", "可以，最多 5 天，要在三月底前休完。"),
        ("每年有**10 天**年假，**注意：**请先申请", "每年有10 天年假，注意：请先申请"),
        ("2**10 = 1024 且 a**b**c", "2**10 = 1024 且 a**b**c"),
        ("** 不是粗体 **", "** 不是粗体 **"),
    ],
)
def test_bold_is_shown_without_its_signs(text: str, shown: str) -> None:
    assert shown == "".join(piece.text for piece in snippet(text, (), most=100))


def test_what_was_looked_for_is_marked_also_within_bold() -> None:
    assert SnippetPiece("年假", marked=True) in snippet("有 **10 天年假** 吗", ("年假",), most=100)
