"""Answers put together from everything that has ever gone wrong: cut, they fit, and every letter of them is there."""

from collections import Counter
from typing import Literal

import pytest
import regex  # type: ignore[import-untyped]  # ships no types
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.wecom.rendering.message_splitting import pieces
from adapters.wecom.rendering.render import render
from adapters.wecom.rendering.rows import Frame, Row, Span
from pipeline.replies import DocumentPart, TextPart, TextReply
from pipeline.text.unicode import is_visible
from tests.pipeline.steps.test_rendering import EN

_HAN = regex.compile(r"\p{Han}")

_FRAGMENTS = st.sampled_from(
    (
        *(
            "汉字",
            "好。",
            "，",
            " ",
            "\n",
            "\n\n",
            "\t",
            "a",
            "`",
            "``",
            "```\n",
            "\n```\n",
            "~~~\n",
            "> ",
            "- ",
            "  - ",
        ),
        *("1. ", "|", "|-|-|\n", "|甲|乙|\n|-|-|\n", "|丙|丁|戊|\n", "[", "](", ")", "[链](https://a.example/b)", "!["),
        *("*", "**", "_", "~~", "<b>", "<br>", '<font color="info">', "</font>", "<a href=", "\u0301", "\u200d", "🇨🇳"),
        *(
            "👨\u200d👩\u200d👧",
            "\u202e",
            "\u05d0",
            "# ",
            "#",
            "---\n",
            "===\n",
            "$",
            "$$",
            "\\",
            "\\(",
            "[^1]",
            "[^1]: 注\n",
        ),
        *("![图](https://a.example/c.png)", "&amp;", "　", "\u200b", "``` 字 字\n", "| 己 |\n"),
    )
)
_LONG = st.builds(lambda text, times: text * times, _FRAGMENTS, st.sampled_from((1, 1, 1, 30, 600, 2100)))
hostile = st.lists(_LONG, max_size=12).map("".join)


def letters(text: str) -> Counter[str]:
    return Counter(_HAN.findall(text))


@pytest.mark.parametrize("message_format", ["markdown", "text"])
@given(text=hostile, max_pieces=st.sampled_from((1, 2, 5, 100)))
@example(text="```\n" * 550, max_pieces=1)
@example(text="```\n" * 550, max_pieces=5)
@example(text="`" * 2050, max_pieces=5)
@example(text=">> \n" * 550, max_pieces=5)
@example(text="好\n" + "`" * 2100, max_pieces=5)
@example(text='```python\nx = "" ' + "`" * 2100 + "\n```", max_pieces=5)
@example(text="[汉](https://a.example/" + "b" * 970 + ")|甲\n-|-\n1|2\n" * 3, max_pieces=100)
@settings(max_examples=80, deadline=None)
def test_every_message_fits_and_every_letter_is_in_the_messages_or_in_the_file(
    message_format: Literal["markdown", "text"], text: str, max_pieces: int
) -> None:
    parts = render([TextReply(text)], message_format=message_format, max_pieces=max_pieces, catalogue=EN)

    said = [part.text for part in parts if isinstance(part, TextPart)]
    files = [part.text for part in parts if isinstance(part, DocumentPart)]
    assert [] == [message for message in said if len(message.encode()) > 2048 or not is_visible(message)]
    assert len(said) <= max(max_pieces, 1)
    assert is_visible(text) == bool(parts) or not parts
    shown = letters("".join(files or said))
    assert {} == dict(letters(text) - shown)


# Not the backslash, of which two mean one, and ">", of which twenty are twenty bars.
@pytest.mark.parametrize("sign", list("`-=*_~#|[]()<$&!+.:1"))
@pytest.mark.parametrize("message_format", ["markdown", "text"])
def test_no_run_of_signs_is_lost(message_format: Literal["markdown", "text"], sign: str) -> None:
    parts = render([TextReply("好\n" + sign * 2100)], message_format=message_format, max_pieces=5, catalogue=EN)

    shown = "".join(part.text for part in parts if isinstance(part, TextPart)).replace("ˋ", "`")
    assert 2100 <= shown.count(sign)


_ornaments = st.sampled_from(("", "> ", "汉", "x" * 700, "y" * 3000))


@given(
    rows=st.lists(
        st.builds(
            Row,
            st.lists(
                st.builds(Span, st.sampled_from(("", "字", "字" * 900, "e\u0301" + "\u0301" * 3000)), _ornaments)
            ).map(tuple),
            prefix=_ornaments,
            hang=_ornaments,
            frame=st.one_of(st.none(), st.builds(Frame, _ornaments, _ornaments)),
            guard=st.sampled_from(("", "\u200b")),
        ),
        max_size=6,
    ),
    limit=st.integers(100, 2048),
)
@example(rows=[Row((Span(""), Span("字" * 900, "> ")), guard="\u200b")], limit=100)
@settings(max_examples=60, deadline=None)
def test_the_cutter_ends_and_keeps_the_limit_whatever_the_rows_are(rows: list[Row], limit: int) -> None:
    done = list(pieces(rows, limit))

    assert [] == [piece for piece in done if len(piece.encode()) > limit]
    text = "".join(span.text for row in rows for span in row.spans)
    assert text.count("字") <= "".join(done).count("字")
