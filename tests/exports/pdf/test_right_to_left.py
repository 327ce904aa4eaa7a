"""Words from right to left on pages: their full stop at the left, lists and tables begun at the right."""

from pathlib import Path

import pymupdf
import pytest

from exports.pdf.verify import missing_messages
from exports.records import Transcript
from pipeline.settings import PdfEngine
from tests.exports.binding import bound, together
from tests.exports.samples import message, talk

HEBREW = "שלום, עולם!"
ANSWERS = {
    "a paragraph": HEBREW,
    "an Arabic paragraph": "مرحبا بالعالم!",
    "a paragraph with a number first": f"3. 5 {HEBREW}",
    "a heading": f"# {HEBREW}",
    "a list": f"- {HEBREW}",
    "a list in a list": f"- א\n  - {HEBREW}",
    "a numbered list in an English one": f"- English\n  1. {HEBREW}",
    "a quotation": f"> {HEBREW}",
    "a table": f"| {HEBREW} | ב |\n|---|---|\n| 1 | 2 |",
    "a cell of a Chinese table": f"| 甲 | 乙 |\n|---|---|\n| 1 | {HEBREW} |",
    "a footnote": f"א[^1]\n\n[^1]: {HEBREW}",
}


def asked(question: str, answer: str, title: str = "问") -> Transcript:
    return Transcript(talk(title=title), (message(1, "human", question), message(1, "ai", answer)))


def characters(document: pymupdf.Document) -> list[tuple[str, float, float]]:
    """Return each character and where it begins and ends in its line, in points."""
    return [
        (each["c"], each["bbox"][0], each["bbox"][2])
        for page in document
        for block in page.get_text("rawdict")["blocks"]
        for line in block["lines"]
        for span in line["spans"]
        for each in span["chars"]
    ]


def place(shown: list[tuple[str, float, float]], sign: str) -> float:
    (begin,) = {begin for character, begin, _ in shown if character == sign}
    return begin


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_ends_a_sentence_stands_at_its_left(tmp_path: Path, kind: str) -> None:
    said = asked("问", ANSWERS[kind])
    with bound(tmp_path, said, engine="typst") as document:
        shown = characters(document)
        lost = missing_messages(document, together(said))
    letters = [begin for character, begin, _ in shown if character in HEBREW[:4] or "\u0600" < character < "\u06ff"]

    assert [] == lost
    assert place(shown, "!") < min(letters)


@pytest.mark.parametrize("engine", ["typst", "markdown-pdf"])
def test_a_question_and_a_title_are_set_from_right_to_left(tmp_path: Path, engine: PdfEngine) -> None:
    with bound(tmp_path, asked("שלום?", "好", title="עולם!"), engine=engine) as document:
        shown = characters(document)
    letters = [begin for character, begin, _ in shown if "\u0590" < character < "\u06ff"]

    assert max(place(shown, "?"), place(shown, "!")) < min(letters)
    assert min(letters) > 300


def test_a_list_and_a_table_begin_at_the_right_and_what_is_english_in_them_stays_beside(tmp_path: Path) -> None:
    answer = "- אחת\n- Zebra.\n\n| ג | ד |\n|---|---|\n| 1 | 2 |"
    with bound(tmp_path, asked("问", answer), engine="typst") as document:
        shown = characters(document)
    signs = [begin for character, begin, _ in shown if character in "•‣" and begin > 300]

    assert len(signs) == 2
    assert signs[0] - 30 < place(shown, ".") < signs[0]
    assert place(shown, "Z") < place(shown, ".")
    assert place(shown, "ד") < place(shown, "ג")
    assert place(shown, "ד") > 300


def test_code_in_a_list_from_right_to_left_is_still_read_from_the_left(tmp_path: Path) -> None:
    with bound(tmp_path, asked("问", "- אחת\n\n  ```\n  quick!\n  ```"), engine="typst") as document:
        shown = characters(document)

    assert place(shown, "q") < place(shown, "!")
    assert place(shown, "q") < 120


def test_markdown_pdf_sets_the_signs_of_a_list_beside_its_words(tmp_path: Path) -> None:
    with bound(tmp_path, asked("问", "- אחת\n- שתיים\n\n1. שלוש"), engine="markdown-pdf") as document:
        shown = characters(document)

    assert 2 == sum(begin > 500 for character, begin, _ in shown if character == "•")
    assert 1 == sum(begin > 500 for character, begin, _ in shown if character == ".")


def test_markdown_pdf_begins_a_table_at_the_right_and_has_the_bar_of_a_quotation_there(tmp_path: Path) -> None:
    answer = "| ג | ד |\n|---|---|\n| א | ב |\n\n> שלום!"
    with bound(tmp_path, asked("问", answer), engine="markdown-pdf") as document:
        shown = characters(document)
        bars = [
            each["rect"] for each in document[0].get_drawings() if each["rect"].width < 3 and each["rect"].height > 9
        ]
    quotation = [begin for character, begin, _ in shown if character in "שלום" and begin > 300]

    assert place(shown, "ד") < place(shown, "ג")
    assert place(shown, "ב") < place(shown, "א")
    assert any(bar.x0 > max(quotation) for bar in bars)
