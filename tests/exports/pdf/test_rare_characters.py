"""Characters that the fonts of one engine lack: a page shows what it can, and no message is lost for them."""

from pathlib import Path

import pytest

from exports.records import Transcript
from pipeline.settings import PdfEngine
from tests.exports.binding import bound
from tests.exports.samples import message, talk

TEXTS = {
    "a square metre": "房间 85㎡，㏒ 与 ㍿",
    "rare Chinese": "𠮷野家、㙓、𰻞𰻞面、龘龘",
    "scripts": "ไทย ภาษาไทย、हिन्दी पाठ、தமிழ்、ქართული、አማርኛ、བོད་སྐད、ᠮᠣᠩᠭᠣᠯ、ꆈꌠꉙ",
    "right to left": "עברית: שלום עולם, 123.\n\nالعربية: مرحبا بالعالم، 456.",
    "signs": "①②③ ★☆ →↑ ℃ ½ ‰ ♥ ♫ ☎ ✔ ❌ ⇒ ≠ ℵ 𝒳 ◆ ㊗ ☐ ✗ ⼀",
    "emoji": "🀄 🏳️\u200d🌈 😀👨\u200d👩\u200d👧\u200d👦🇨🇳👍🏽 🫠🫨",
    "code and a table": "```\n𠮷㎡\n```\n\n| 𠮷 | ㎡ |\n|---|---|\n| 㙓 | `㎡` |",
}


def asked(answer: str) -> Transcript:
    return Transcript(talk(), (message(1, "human", answer), message(1, "ai", answer)))


@pytest.mark.parametrize("engine", ["markdown-pdf", "typst"])
@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_is_set_whole(tmp_path: Path, kind: str, engine: PdfEngine) -> None:
    with bound(tmp_path, asked(TEXTS[kind]), engine=engine) as pages:
        text = "".join(page.get_text() for page in pages)

    assert "\0" not in text
    assert "#2" in text


@pytest.mark.parametrize("engine", ["markdown-pdf", "typst"])
def test_punctuation_of_other_scripts_is_set(tmp_path: Path, engine: PdfEngine) -> None:
    with bound(tmp_path, asked("نعم، كيف؟\n\nहिन्दी पाठ।"), engine=engine) as pages:
        text = "".join(page.get_text() for page in pages)

    assert [] == [sign for sign in "،؟।" if sign not in text]


def test_markdown_pdf_writes_a_sign_in_simpler_ones_or_names_it(tmp_path: Path) -> None:
    with bound(tmp_path, asked("房间 85㎡，𠮷野家"), engine="markdown-pdf") as pages:
        text = "".join(page.get_text() for page in pages)

    assert "85m²，□U+20BB7野家" in text
