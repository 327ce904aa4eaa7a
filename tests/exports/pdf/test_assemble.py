"""PDF pages: nothing anybody said is left out, whatever they said, and the same words give the same bytes."""

import random
from pathlib import Path

import pymupdf
import pytest

from exports.pdf import assemble
from exports.pdf.render import Incomplete
from exports.pdf.verify import missing_messages
from exports.records import Transcript
from pipeline.settings import PdfEngine
from tests.exports.binding import bound, together
from tests.exports.samples import AWKWARD, LONG, MIXED, REPORT, message, talk, transcript

EVERYTHING = (REPORT, MIXED, LONG, AWKWARD)


def saved(folder: Path, pages: pymupdf.Document, *, limit: int = 20_000_000) -> list[bytes]:
    with pages:
        return [path.read_bytes() for path in assemble.save(pages, folder / "it.pdf", limit=limit)]


@pytest.mark.parametrize("engine", ["markdown-pdf", "typst"])
def test_every_message_is_there_whole(tmp_path: Path, engine: PdfEngine) -> None:
    whole = transcript(12, answers=EVERYTHING)
    with bound(tmp_path, whole, engine=engine) as pages:
        assert [] == missing_messages(pages, together(whole))


@pytest.mark.parametrize("seed", range(3))
def test_texts_of_any_length_meet_the_ends_of_pages_and_survive(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (no secret)
    blocks = [*REPORT.split("\n\n"), MIXED, "> 引用\n> - 列表", "- 甲\n  - 乙\n\n```\n代码\n```"]
    blocks = [block for block in blocks if block.count("```") != 1]
    answers = tuple(
        "\n\n".join([LONG[: dice.randint(9, 900)], *dice.sample(blocks, dice.randint(1, 5))]) for _ in range(40)
    )
    whole = transcript(40, answers=answers)
    with bound(tmp_path, whole, engine="markdown-pdf") as pages:
        assert [] == missing_messages(pages, together(whole))


def test_a_message_that_is_cut_is_missed(tmp_path: Path) -> None:
    shown = transcript(3, answers=("一二三四五", "六七八九十", "甲乙丙丁戊"))
    last = shown.messages[-1]
    asked = Transcript(
        shown.conversation, (*shown.messages[:-1], message(last.turn, "ai", "一二三四五，还有一句没有印出来"))
    )
    with bound(tmp_path, shown) as pages:
        assert [6] == missing_messages(pages, together(asked))


def test_what_one_engine_cannot_set_is_refused_by_it_and_set_by_the_other(tmp_path: Path) -> None:
    high = transcript(1, answers=(f"| 甲 | 乙 |\n|---|---|\n| 1 | {'长句子，换行。' * 700} |",))
    with pytest.raises(Incomplete):
        bound(tmp_path / "1", high, engine="markdown-pdf")
    with bound(tmp_path / "2", high) as pages:
        assert len(pages) > 1


def test_a_rare_character_is_shown_by_the_engine_that_has_it(tmp_path: Path) -> None:
    with bound(tmp_path, transcript(1, answers=("𠮷野家",))) as pages:
        assert "𠮷野家" in pages[0].get_text()


def table(columns: int, rows: int, cell: str) -> str:
    def line(*cells: str) -> str:
        return f"| {' | '.join(cells)} |"

    head = [f"列{column} Column" for column in range(columns)]
    body = [line(*(f"{row}/{column} {cell}" for column in range(columns))) for row in range(rows)]
    return "\n".join([line(*head), line(*["---"] * columns), *body])


@pytest.mark.parametrize("engine", ["markdown-pdf", "typst"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(table(12, 30, "数据"), id="twelve columns"),
        pytest.param(table(5, 20, "0123456789abcdef0123456789abcdef01234567"), id="checksums side by side"),
        pytest.param(table(4, 4, "https://example.com/some/path/file.html?query=1"), id="addresses side by side"),
        pytest.param("&lt;b&gt; `&amp;` 写作\n\n```html\n&nbsp;&#x41;&copy;\n```", id="HTML about HTML"),
        pytest.param("前 ![图](https://e.com/a.png) 中 ![](https://e.com/b.png) 后", id="pictures elsewhere"),
        pytest.param("甲\u202eabc\u202c乙", id="a turned direction"),
    ],
)
def test_what_is_hard_to_set_is_set_on_the_page(tmp_path: Path, engine: PdfEngine, answer: str) -> None:
    asked = Transcript(talk(), (message(1, "human", answer), message(1, "ai", answer)))
    with bound(tmp_path, asked, engine=engine) as pages:
        assert all(word[2] <= page.rect.width - 40 for page in pages for word in page.get_text("words"))


def test_a_row_higher_than_a_page_is_set_by_the_second_engine(tmp_path: Path) -> None:
    rows = transcript(1, answers=(f"| 甲 | 乙 |\n|---|---|\n| 1 | {'长句子，换行。' * 700} |",))
    with pytest.raises(Incomplete, match="Stuck"):
        bound(tmp_path / "1", rows, engine="markdown-pdf")
    with bound(tmp_path / "2", rows) as pages:
        assert len(pages) > 2


def test_the_same_words_give_the_same_bytes(tmp_path: Path) -> None:
    whole = transcript(4, answers=EVERYTHING)
    first, second = (saved(tmp_path, bound(tmp_path / name, whole)) for name in ("a", "b"))

    assert first == second


def test_pages_are_numbered_and_conversations_are_found_by_bookmark_and_contents(tmp_path: Path) -> None:
    talks = [transcript(2, answers=(REPORT,), number=number) for number in (1, 2, 3)]
    with bound(tmp_path, *talks) as pages:
        begins = [page for _, _, page in pages.get_toc()]
        links = [link["page"] + 1 for link in pages[0].get_links()]

        assert 3 == len(begins)
        assert begins == links
        assert all(str(page) in pages[0].get_text() for page in begins)
        assert f"2 / {len(pages)}" in pages[1].get_text()
        assert all("zhangsan 与 webot" in pages[page - 1].get_text() for page in begins)


def test_a_document_too_large_comes_in_volumes_that_have_all_its_pages(tmp_path: Path) -> None:
    whole = transcript(20, answers=EVERYTHING)
    (size,) = (len(data) for data in saved(tmp_path, bound(tmp_path, whole)))
    volumes = saved(tmp_path, bound(tmp_path, whole), limit=size * 9 // 10)
    count = 0
    for volume in volumes:
        with pymupdf.open(stream=volume) as pages:
            count += len(pages)

    assert 1 < len(volumes)
    assert max(map(len, volumes)) <= size * 9 // 10
    with bound(tmp_path, whole) as pages:
        assert len(pages) == count


def test_the_head_counts_the_whole_conversation_and_not_the_first_part_of_it(tmp_path: Path) -> None:
    with bound(tmp_path, transcript(60, answers=("好",))) as pages:
        assert "120" in pages[0].get_text().split("#1")[0]


def test_links_lead_where_they_say_and_nowhere_else(tmp_path: Path) -> None:
    with bound(tmp_path, Transcript(talk(), (message(1, "human", "看"), message(1, "ai", REPORT + AWKWARD)))) as pages:
        followed = {link["uri"] for page in pages for link in page.get_links()}

        assert {"https://example.com/report?q=3&y=2026", "https://example.com/ref"} == followed
