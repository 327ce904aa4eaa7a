"""No line end but a newline reaches a page, and no words are read as markup there."""

from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exports.records import Message, Transcript
from exports.writers.characters import printable
from exports.writers.markdown import embedded
from pipeline.replies import StoredMedia
from pipeline.settings import PdfEngine
from tests.exports.binding import bound
from tests.exports.samples import message, talk

LINE_ENDS = ["\n", "\r", "\r\n", "\n\r", "\r\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
HOSTILE = "x{0}{0}![x](secret.png){0}# y{0}```{0}z{0}```{0}"


def transcript_of(text: str) -> Transcript:
    """Let a text stand everywhere a transcript takes one from outside."""
    answer = replace(message(1, "ai", text), chain=text, model=text)
    media = (StoredMedia("ab" * 32, "image/png", text, 1),)
    asked = Message(1, "human", text, media, 0.0)
    return Transcript(replace(talk(), user=text, channel=text, title=text, persona=text), (asked, answer))


@given(st.text())
def test_what_is_printable_has_no_line_end_but_newlines(text: str) -> None:
    shown = printable(text)

    assert shown.split("\n") == (shown + "\n").splitlines()


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_line_end_stays_one(end: str) -> None:
    expected = "a\n\nb" if end in {"\n\r", "\r\r"} else "a\nb"

    assert expected == printable(f"a{end}b")


@pytest.mark.parametrize("engine", ["markdown-pdf", "typst"])
def test_no_picture_of_the_folder_is_drawn_for_words(tmp_path: Path, engine: PdfEngine) -> None:
    pixel = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 9, 9))
    pixel.save(tmp_path / "secret.png")
    whole = [transcript_of(HOSTILE.format(end)) for end in ("\r", "\r\n", "\x85", "\u2028")]
    human = [Transcript(each.conversation, each.messages[:1]) for each in whole]
    with bound(tmp_path, *human, engine=engine) as pages:
        shown = "".join(page.get_text() for page in pages)

        assert [] == [image for page in pages for image in page.get_images()]
    assert "![x](secret.png)" in shown.replace("\u200b", "").replace("\n", "")


@given(
    st.lists(st.sampled_from(("# a", "> b", "```", "- c", "<!-- ", "===", "\r", "\r\n", "\n", "\n\n", "  "))).map(
        "".join
    )
)
@example("<!-- a\r# b")
@example("# a\r> b\r")
def test_markdown_takes_lines_whatever_ends_them(text: str) -> None:
    assert "\r" not in embedded(text)
