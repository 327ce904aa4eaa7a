"""Replies become parts; whole answers, as models give them, become what tests/wire/render says."""

from pathlib import Path
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.wecom.rendering.render import render
from pipeline.replies import (
    DocumentPart,
    FilePart,
    FileReply,
    ImagePart,
    ImageReply,
    Part,
    Reply,
    Silence,
    StoredMedia,
    TextPart,
    TextReply,
    VoicePart,
    VoiceReply,
)
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import is_visible
from tests.adapters.wecom.answers import answers, noise, said

Format = Literal["markdown", "text"]
FORMATS: tuple[Format, ...] = ("markdown", "text")
MEDIA = StoredMedia("0" * 64, "image/png", "x.png", 9)
WIRE = Path(__file__).parents[3] / "wire" / "render"
CUT_HERE = "\n✂\n"


def parts(*replies: Reply, message_format: Format = "markdown", max_pieces: int = 8) -> tuple[Part, ...]:
    return render(replies, message_format=message_format, max_pieces=max_pieces)


def texts(text: str, message_format: Format = "markdown", max_pieces: int = 1000) -> list[str]:
    done = parts(TextReply(text), message_format=message_format, max_pieces=max_pieces)
    return [part.text for part in done if isinstance(part, TextPart)]


@pytest.mark.parametrize("message_format", FORMATS)
@pytest.mark.parametrize("answer", sorted(path.stem for path in WIRE.glob("*.md")))
def test_an_answer_reads_as_recorded(answer: str, message_format: Format) -> None:
    written = (WIRE / f"{answer}.md").read_text(encoding="utf-8")
    expected = (WIRE / f"{answer}.{message_format}.txt").read_text(encoding="utf-8")

    assert expected == CUT_HERE.join(texts(written, message_format)) + "\n"


def test_each_kind_of_reply_becomes_its_part() -> None:
    done = parts(TextReply("甲"), ImageReply(MEDIA), VoiceReply(MEDIA), Silence(), FileReply(MEDIA))

    assert (TextPart("甲", "markdown"), ImagePart(MEDIA), VoicePart(MEDIA), FilePart(MEDIA)) == done


def test_a_caption_comes_below_its_picture() -> None:
    done = parts(ImageReply(MEDIA, "一只**猫**"), message_format="text")

    assert (ImagePart(MEDIA), TextPart("一只猫", "text")) == done


@pytest.mark.parametrize("text", ["", " \n\t\n", "\x00", "\u200b\ufeff", "\ud800", "\u202e"])
@pytest.mark.parametrize("message_format", FORMATS)
def test_a_reply_nobody_could_see_gives_no_part(text: str, message_format: Format) -> None:
    assert () == parts(TextReply(text), ImageReply(MEDIA, text), message_format=message_format)[1:]


@pytest.mark.parametrize("text", ["#", "-", "```\n```", ">", "|", "***", "[]()", "| |\n|-|"])
@pytest.mark.parametrize("message_format", FORMATS)
def test_a_reply_of_nothing_but_markup_is_still_answered(text: str, message_format: Format) -> None:
    assert 1 == len(texts(text, message_format))


def test_a_message_that_just_fits_is_sent_alone() -> None:
    assert ["字" * 682 + "ab"] == texts("字" * 682 + "ab")


def test_one_that_just_does_not_is_sent_in_two_numbered_pieces() -> None:
    first, second = texts("字" * 682 + "abc")

    assert first.endswith("字\n\n(1/2)")
    assert second.endswith("abc\n\n(2/2)")


def test_a_reply_of_as_many_pieces_as_may_be_is_sent_as_such() -> None:
    done = parts(TextReply(("字" * 600 + "\n\n") * 4), max_pieces=4)

    assert [TextPart] * 4 == list(map(type, done))


@pytest.mark.parametrize("message_format", FORMATS)
def test_a_longer_one_is_sent_as_its_first_piece_and_the_whole_in_a_file(message_format: Format) -> None:
    text = "# 标题\n\n" + ("**字** " * 200 + "\n\n") * 8

    first, whole = parts(TextReply(text), message_format=message_format, max_pieces=3)

    assert isinstance(first, TextPart)
    assert first.text.startswith("# 标题\n**字**" if message_format == "markdown" else "【标题】\n字")
    assert first.text.endswith("\n\n……（内容较长，完整回答请看下面的文件。）")
    assert len(first.text.encode()) <= 2048
    assert DocumentPart("回答.md", text) == whole


def test_what_is_ours_in_a_message_is_in_the_language_asked_for() -> None:
    first, whole = render(
        [TextReply("word " * 1000)], message_format="markdown", max_pieces=1, catalogue=Catalogue("en")
    )

    assert isinstance(first, TextPart)
    assert first.text.endswith("in the file below.)")
    assert isinstance(whole, DocumentPart)
    assert "answer.md" == whole.name


@pytest.mark.parametrize("message_format", FORMATS)
def test_what_no_client_may_see_is_cleaned_away(message_format: Format) -> None:
    text = "甲\x00\x07\x1b乙\ud800丙\u202e丁\u2066戊\ufffe己\U0010ffff庚\r\n辛\u2028壬\r癸"

    assert ["甲乙丙丁戊己庚\n辛\n壬\n癸"] == texts(text, message_format)


def test_a_file_is_cleaned_as_well() -> None:
    whole = parts(TextReply("甲\x00\ud800" * 5000), max_pieces=1)[1]

    assert DocumentPart("回答.md", "甲" * 5000) == whole


@pytest.mark.parametrize("message_format", FORMATS)
@given(answer=answers)
@example(answer="> > - ~~~~~~~~好")
@settings(max_examples=60)
def test_the_parts_say_what_the_answer_said(message_format: Format, answer: str) -> None:
    done = render([TextReply(answer)], message_format=message_format, max_pieces=1000, catalogue=Catalogue("en"))

    assert said(answer) == [character for part in done if isinstance(part, TextPart) for character in said(part.text)]


@pytest.mark.parametrize("message_format", FORMATS)
@given(text=noise, max_pieces=st.integers(1, 5))
@settings(max_examples=100)
def test_every_part_can_be_sent_whatever_was_said(message_format: Format, text: str, max_pieces: int) -> None:
    done = parts(TextReply(text), message_format=message_format, max_pieces=max_pieces)

    assert len(done) <= max(max_pieces, 2)
    for part in done:
        assert isinstance(part, TextPart | DocumentPart)
        assert is_visible(part.text)
        assert isinstance(part, DocumentPart) or len(part.text.encode()) <= 2048


@pytest.mark.parametrize("message_format", FORMATS)
def test_a_reply_of_5_mb_costs_no_more_than_its_first_pieces(message_format: Format) -> None:
    text = "第一段。**重点**和`代码`。\n\n- 一\n- 二\n\n" * 90_000

    first, whole = parts(TextReply(text), message_format=message_format)

    assert isinstance(first, TextPart)
    assert DocumentPart("回答.md", text) == whole
