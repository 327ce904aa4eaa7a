"""The formats, each read by somebody else's reader."""

import csv
import io
import json
import random
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from exports.records import Transcript
from exports.workers.documents import make, pieces
from exports.workers.messages import Rendered, RenderRequest
from exports.writers.csv import harmless
from exports.writers.image_files import ImageFolder
from pipeline.exports import Format
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Catalogue
from tests.exports.binding import lay
from tests.exports.samples import AWKWARD, LONG, MIXED, REPORT, message, talk, transcript

ZH = Catalogue("zh")
WHOLE = transcript(4, answers=(REPORT, MIXED, LONG, AWKWARD), persona="你是分析师")
# A PNG of one white pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8ffff3f0005fe02fe0def46b8"
    "0000000049454e44ae426082"
)
PICTURE = StoredMedia("ab" * 32, "image/png", "图.png", len(PIXEL))


def written(format_: Format, *transcripts: Transcript, folder: Path = Path()) -> str:
    return "".join(pieces(transcripts, ZH, ImageFolder(folder), format_))


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_web_page_shows_everything_and_can_do_nothing() -> None:
    page = Page(written("html", WHOLE))
    names = {tag for tag, _ in page.tags}

    assert set() == names & {"script", "iframe", "object", "embed", "form", "link", "base"}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert {"https", "#c0"} >= {str(attrs["href"]).split(":")[0] for tag, attrs in page.tags if tag == "a"}
    assert "<script>alert('x')</script>" in page.text
    assert {"table", "pre", "blockquote", "ol", "ul", "strong", "em", "s"} <= names
    assert page.text.count("zhangsan") == 5


def test_a_web_page_has_its_pictures_inside(tmp_path: Path) -> None:
    (tmp_path / f"{PICTURE.sha256}.png").write_bytes(PIXEL)
    shown = Transcript(talk(), (replace(message(1, "human", "看图"), media=(PICTURE,)), message(1, "ai", "好")))
    (source,) = [attrs["src"] for tag, attrs in Page(written("html", shown, folder=tmp_path)).tags if tag == "img"]

    assert str(source).startswith("data:image/png;base64,iVBOR")


def test_markdown_keeps_each_message_from_swallowing_the_next() -> None:
    tokens = MarkdownIt("commonmark").parse(written("md", WHOLE))
    headings = [
        (tokens[place].tag, tokens[place + 1].content)
        for place in range(len(tokens))
        if tokens[place].type == "heading_open"
    ]

    assert 1 == [tag for tag, _ in headings].count("h1")
    assert 8 == [tag for tag, _ in headings].count("h3")
    assert {"h1", "h3", "h4", "h5"} == {tag for tag, _ in headings}


@pytest.mark.parametrize("opening", ["<!-- offen", "<script>", "  <PRE>", "<?php", "<![CDATA[", "<style>"])
def test_html_without_an_end_swallows_nothing_in_markdown(opening: str) -> None:
    said = f"{opening}\n\nmore\n\n```html\n{opening}\n```"
    tokens = MarkdownIt("commonmark").parse(written("md", transcript(2, answers=(said,))))

    assert 4 == [token.tag for token in tokens if token.type == "heading_open"].count("h3")
    assert [f"{opening}\n"] * 2 == [token.content for token in tokens if token.type == "fence"]
    assert [] == [token for token in tokens if token.type == "html_block"]


def test_plain_text_has_the_words_as_they_were_said() -> None:
    text = written("txt", WHOLE)

    assert all(said.text in text for said in WHOLE.messages)


def test_jsonl_gives_back_what_was_said() -> None:
    lines = [json.loads(line) for line in written("jsonl", WHOLE).splitlines()]

    assert [(said.turn, said.role, said.text) for said in WHOLE.messages] == [
        (line["turn"], line["role"], line["text"]) for line in lines
    ]
    assert {"2026-11-22T12:01:00.000Z", "2026-11-22T12:01:09.000Z"} <= {line["at"] for line in lines}


def test_a_spreadsheet_gets_every_cell_and_runs_none() -> None:
    evil = Transcript(talk(), (message(1, "human", "=1+1"), message(1, "ai", '第一行\n@SUM(A1),"引号"')))
    text = written("csv", evil)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    assert text.startswith("\ufeff")
    assert ["'=1+1", '第一行\n@SUM(A1),"引号"'] == [row["text"] for row in rows]


@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\n", "\r", "\u3000", "\u00a0", "\ufeff", "\u200b", "\u2060", "\n \ufeff"]
)
def test_no_cell_begins_as_a_formula_whatever_is_before_it(before: str) -> None:
    cells = [f"{before}{sign}1+1" for sign in "=+-@＝＋－＠"]

    assert [f"'{cell}" for cell in cells] == [harmless(cell) for cell in cells]


def test_a_cell_that_is_no_formula_stays_as_it_is() -> None:
    innocent = ("1+1=2", "a@b", " 缩进", "2-3", "", "\n换行")

    assert innocent == tuple(map(harmless, innocent))


def test_every_cell_is_quoted_so_that_no_semicolon_divides_it() -> None:
    head, row = written("csv", Transcript(talk(), (message(1, "human", "a;b"),))).splitlines()

    assert all(re.fullmatch(r'"[^"]*"(,"[^"]*")*', line) for line in (head.removeprefix("\ufeff"), row))


class Said(BaseModel):
    """A message of OpenAI's chat format for fine-tuning, as its guide has it."""

    model_config = ConfigDict(extra="forbid")
    role: str = Field(pattern="^(system|user|assistant)$")
    content: str = Field(min_length=1)


def test_finetuning_lines_are_what_openai_takes() -> None:
    broken = Transcript(talk(2), (message(1, "human", "没有回答"), message(1, "ai", "")))
    lines = written("finetune", WHOLE, broken).splitlines()
    (said,) = [TypeAdapter(dict[str, list[Said]]).validate_json(line)["messages"] for line in lines]
    roles = [each.role for each in said]

    assert ["system", *["user", "assistant"] * 4] == roles


def test_sharegpt_lines_alternate_and_have_a_system() -> None:
    (line,) = written("sharegpt", WHOLE).splitlines()
    said = json.loads(line)

    assert "你是分析师" == said["system"]
    assert ["human", "gpt"] * 4 == [turn["from"] for turn in said["conversations"]]
    assert [each.text for each in WHOLE.messages] == [turn["value"] for turn in said["conversations"]]


def test_commands_are_nothing_to_learn_from() -> None:
    drawn = Transcript(
        talk(),
        tuple(replace(said, aside=True) for said in (message(1, "human", "@image 猫"), message(1, "ai", "画好了"))),
    )

    assert "" == written("finetune", drawn) + written("sharegpt", drawn)


def _unlike(seed: int) -> str:
    """Give a text that no packing makes much smaller."""
    dice = random.Random(seed)  # noqa: S311 (no secret)
    return "".join(chr(dice.randrange(0x4E00, 0x9FA5)) for _ in range(200))


def ordered(folder: Path, format_: Format, *transcripts: Transcript, limit: int = 10**7) -> Rendered:
    lay(folder, *transcripts)
    return make(RenderRequest(str(folder), "it", format_, "auto", "zh", limit))


@pytest.mark.parametrize("format_", ["md", "html", "txt", "jsonl", "csv"])
def test_what_is_too_large_is_packed_and_what_is_still_too_large_is_halved(tmp_path: Path, format_: Format) -> None:
    said = [
        Transcript(talk(n), tuple(message(t, "human", f"{n}.{t} {_unlike(n * t)}") for t in range(1, 30)))
        for n in range(1, 5)
    ]
    made = ordered(tmp_path, format_, *said, limit=8000)
    text = ""
    for name in made.files:
        assert (tmp_path / "out" / name).stat().st_size <= 8000
        with zipfile.ZipFile(tmp_path / "out" / name) as archive:
            text += "".join(archive.read(inside).decode() for inside in archive.namelist())

    assert len(made.files) > 1
    assert all(each.text in text for one in said for each in one.messages)


def test_markdown_with_pictures_brings_them_along(tmp_path: Path) -> None:
    (tmp_path / f"{PICTURE.sha256}.png").write_bytes(PIXEL)
    shown = Transcript(talk(), (replace(message(1, "human", "看图"), media=(PICTURE,)), message(1, "ai", "好")))
    made = ordered(tmp_path, "md", shown)

    assert ("it.zip",) == made.files
    with zipfile.ZipFile(tmp_path / "out" / "it.zip") as archive:
        assert ["it.md", f"media/{PICTURE.sha256}.png"] == archive.namelist()
        assert f"](media/{PICTURE.sha256}.png)" in archive.read("it.md").decode()
