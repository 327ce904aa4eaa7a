"""Pages as typst sets them: what people see on them, read back from one document."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest

from exports.pdf.verify import missing_messages
from exports.records import Transcript
from pipeline.replies import StoredMedia
from tests.exports.binding import bound, together
from tests.exports.samples import message, talk

ANSWERS = (
    "**方案一：**自建服务器。这是**“重点”**内容，2**10。",
    "年假 5 天[^1]，见[1]。\n\n[^1]: 这是脚注的内容。\n\n[1]: 员工手册第三章",
    "地址 <https://zh.wikipedia.org/wiki/%E5%B9%B4%E5%81%87>",
    "象形文字：\U00013000，响铃\x07，生僻 \U0002a6a5，常见 ☐✗①…",
    "令 $r = \\frac{a}{b}$，不懂的 $\\foo{y}$，\n\n$$\n\\sum_{i=1}^n i\n$$\n\n完。",
    "```python\nprint('" + "很长的一行，" * 30 + "')\n\tx = 1\n```",
    "| 编号 | 说明 |\n|--:|---|\n" + "\n".join(f"| {n} | 第 {n} 行<br>**注：**完 |" for n in range(60)),
    "| " + " | ".join(f"列{n}" for n in range(16)) + " |\n|" + "---|" * 16 + "\n|" + "值|" * 16,
    f"| 甲 | 乙 |\n|---|---|\n| 1 | {'长句子，换行。' * 700} |",
    "- [x] 好 👍🏽\n- [ ] 待 👨\u200d👩\u200d👧 🇨🇳",
    "⇒ ≠ ≮ ≯，阿拉伯文 كيف، حالك؟ (جيد) 与 שלום, עולם! 完",
    "English “quotes” and ‘more’.\n\n\\begin{align}\na &= b \\\\\n&= c\n\\end{align}",
    "```\n┌────────┐\n│ 客户端 │\n└────────┘\n```\n\nTerm " + "Supercali" * 9,
    '#read("secret.png") $#x$ #let a = 1 \\u{41} "q" `#x`',
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pymupdf.Document]:
    with bound(tmp_path_factory.mktemp("pages"), asked(ANSWERS), engine="typst") as document:
        yield document


@pytest.fixture(scope="module")
def text(pages: pymupdf.Document) -> str:
    return "".join("".join(page.get_text().split()) for page in pages).replace("\u200b", "")


def asked(answers: tuple[str, ...]) -> Transcript:
    said = [
        each
        for turn, answer in enumerate(answers, 1)
        for each in (message(turn, "human", f"问题{turn}？"), message(turn, "ai", answer))
    ]
    return Transcript(talk(), tuple(said))


@pytest.mark.parametrize(
    "shown",
    [
        "方案一：自建服务器。这是“重点”内容，2**10。",
        "年假5天1，见[1]。1这是脚注的内容。[1]:员工手册第三章",
        "https://zh.wikipedia.org/wiki/年假",
        "象形文字：□U+13000，响铃□U+0007，生僻□U+2A6A5，常见☐✗①…",
        "不懂的$\\foo{y}$",
        "↪",
        "列15值",
        "👨\u200d👩\u200d👧",
        "⇒≠≮≯，阿拉伯文",
        '#read("secret.png")$#x$#leta=1\\u{41}"q"#x',
    ],
)
def test_a_page_shows(text: str, shown: str) -> None:
    assert shown in text


def test_the_check_finds_every_message_whole(pages: pymupdf.Document) -> None:
    assert [] == missing_messages(pages, together(asked(ANSWERS)))


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        ("甲，乙。", "甲乙。"),
        ("a -> b", "a > b"),
        ("1.5%", "1.5"),
        ("| 甲！ | 乙 |\n|-|-|\n| 1 | 2 |", "| 甲 | 乙 |\n|-|-|\n| 1 | 2 |"),
    ],
)
def test_a_sign_that_is_lost_is_missed(tmp_path: Path, answer: str, other: str) -> None:
    with bound(tmp_path, asked((other,)), engine="typst") as document:
        assert [2] == missing_messages(document, together(asked((answer,))))


def test_chinese_is_bold_and_emoji_are_in_colour(pages: pymupdf.Document) -> None:
    used = {font[3] for page in pages for font in page.get_fonts()}

    # One variable font in several weights: so many fonts in the file.
    assert sum("NotoSansCJKsc" in name for name in used) > 1
    assert any("Twemoji" in name for name in used)


def test_quotation_marks_of_english_are_narrow_and_its_lines_have_no_gaps(pages: pymupdf.Document) -> None:
    (marks,) = [rect for page in pages for rect in page.search_for("“quotes”")]
    (word,) = [rect for page in pages for rect in page.search_for("quotes")]
    (term,) = [rect for page in pages for rect in page.search_for("Term")]
    (after, *_) = [rect for page in pages for rect in page.search_for("Supercali")]

    assert marks.width < word.width * 1.35
    assert after.x0 - term.x1 < term.width


def test_the_name_of_a_language_is_clear_of_the_first_line_of_code(pages: pymupdf.Document) -> None:
    (page, name) = next((page, rect) for page in pages for rect in page.search_for("python"))
    lines = [pymupdf.Rect(word[:4]) for word in page.get_text("words") if "很长的一行" in word[4]]

    assert max(line.x1 for line in lines) > name.x0
    assert not any(line.intersects(name) for line in lines)


def test_a_long_sign_of_a_footnote_and_a_wide_formula_keep_off_the_words_beside_them(tmp_path: Path) -> None:
    sums = "+".join(f"\\frac{{1}}{{{n}}}" for n in range(1, 60))
    answer = f"见[^长长的脚注]与[^{'W' * 90}]。\n\n$$x={sums}$$\n\n[^长长的脚注]: 内容在此。\n[^{'W' * 90}]: 其二。"
    with bound(tmp_path, asked((answer,)), engine="typst") as document:
        page = document[0]
        signs, words = page.search_for("长长的脚注"), page.search_for("内容在此")
        beyond = [word for word in page.get_text("words") if word[0] < 50 or word[2] > page.rect.width - 50]

    assert [] == beyond
    assert max(sign.x1 for sign in signs if abs(sign.y0 - words[0].y0) < 3) < words[0].x0


def test_a_drawing_of_characters_stays_upright(pages: pymupdf.Document) -> None:
    (corner,) = [rect for page in pages for rect in page.search_for("┐")]
    sides = [rect for page in pages for rect in page.search_for("│")]

    assert pytest.approx(corner.x1, abs=1) == sides[-1].x1


def test_a_formula_that_nothing_but_its_environment_opens_is_set(text: str) -> None:
    assert "\\begin" not in text


def test_a_table_has_its_head_on_each_page_and_no_page_lets_anything_out(pages: pymupdf.Document) -> None:
    held = [page.get_text() for page in pages if "行" in page.get_text() and "注：" in page.get_text()]

    assert len(held) > 1
    assert all("编号" in page for page in held)
    assert all(word[2] <= page.rect.width - 50 for page in pages for word in page.get_text("words"))


def test_each_page_but_the_first_has_the_title_above_and_all_have_their_number_below(pages: pymupdf.Document) -> None:
    top = [page.get_text(clip=pymupdf.Rect(0, 0, page.rect.width, 50)) for page in pages]

    assert talk().title not in top[0]
    assert all(talk().title in each for each in top[1:])
    assert all(f"{page.number + 1} / {len(pages)}" in page.get_text() for page in pages)


def test_a_question_is_on_the_page_its_answer_begins_on(tmp_path: Path) -> None:
    answers = tuple("长短不一的回答。" * (7 * turn % 90 + 1) for turn in range(1, 50))
    with bound(tmp_path, asked(answers), engine="typst") as document:
        shown = ["".join(page.get_text().split()) for page in document]

    assert len(shown) > 4
    for number in range(1, 2 * len(answers), 2):
        assert any(f"#{number}" in page and f"#{number + 1}长短" in page for page in shown)


def test_a_file_for_a_voice_or_a_lost_picture_is_named(tmp_path: Path) -> None:
    lost = replace(message(1, "human", "看"), media=(StoredMedia("ab" * 32, "image/png", "图.png", 1),))
    with bound(tmp_path, Transcript(talk(), (lost, message(1, "ai", "好"))), engine="typst") as document:
        assert "📎 图.png" in document[0].get_text()


def test_a_table_of_many_narrow_columns_is_no_row_of_cards(tmp_path: Path) -> None:
    table = "\n".join(["|" + "1月|" * 14, "|" + "--|" * 14, *("|" + f"{number}|" * 14 for number in (111, 222))])
    with bound(tmp_path, Transcript(talk(), (message(1, "ai", table),)), engine="typst") as document:
        tops = {round(word[1]) for word in document[0].get_text("words") if word[4] in {"111", "222"}}

    assert 2 == len(tops)


def test_a_wide_table_with_one_long_column_is_set_as_a_table_in_small_letters(tmp_path: Path) -> None:
    cells = [f"{number}|" + "12,345|" * 12 + "装修中，下月重新开业，" * 3 + "|" for number in (111, 222)]
    table = "\n".join(["|" + "指标|" * 14, "|" + "--|" * 14, *("|" + each for each in cells)])
    with bound(tmp_path, Transcript(talk(), (message(1, "ai", table),)), engine="typst") as document:
        words, right = document[0].get_text("words"), document[0].rect.width - 50

    assert 2 == len({round(word[1]) for word in words if word[4] == "12,345"})
    assert max(word[2] for word in words) < right
