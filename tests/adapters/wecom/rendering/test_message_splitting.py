"""The laws of cutting, over answers made up and over hostile ones."""

from collections.abc import Sequence

import pytest
import regex  # type: ignore[import-untyped]  # ships no types
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.wecom.rendering.layout import rows
from adapters.wecom.rendering.markdown_style import MarkdownStyle
from adapters.wecom.rendering.message_splitting import MESSAGE_BYTES, number_bytes, numbered, pieces
from adapters.wecom.rendering.plain_style import PlainStyle
from adapters.wecom.rendering.rows import Row, Span
from adapters.wecom.rendering.sanitise import clean
from adapters.wecom.rendering.style import MessageStyle
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import is_visible
from tests.adapters.wecom.answers import answers, noise, said

# English, so that nothing of ours is in Chinese characters.
MARKDOWN: MessageStyle = MarkdownStyle(Catalogue("en"))
TEXT: MessageStyle = PlainStyle(Catalogue("en"))
LOOKS = [pytest.param(MARKDOWN, id="markdown"), pytest.param(TEXT, id="text")]
_MARKS = regex.compile(r"[\p{GCB=Extend}\p{GCB=SpacingMark}\u200d]")


def cut(text: str, style: MessageStyle, limit: int = MESSAGE_BYTES) -> list[str]:
    return list(pieces(rows(clean(text), style), limit))


def assert_fit_to_be_sent(messages: Sequence[str], limit: int = MESSAGE_BYTES) -> None:
    assert [] == [message for message in messages if len(message.encode()) > limit]
    assert [] == [message for message in messages if not is_visible(message)]


@pytest.mark.parametrize("look", LOOKS)
@given(answer=answers, limit=st.integers(1500, 2048))
@settings(max_examples=75)
def test_the_pieces_say_what_the_answer_said(look: MessageStyle, answer: str, limit: int) -> None:
    messages = cut(answer, look, limit)

    assert_fit_to_be_sent(messages, limit)
    # Read piece by piece: a character cut in two would be two, or none.
    assert said(answer) == [character for message in messages for character in said(message)]


@given(answer=answers)
@example(answer=r"![字\*\*字](https://example.com/x.png)")
@settings(max_examples=75)
def test_no_piece_leaves_markup_open(answer: str) -> None:
    for message in cut(answer.replace("2**10", ""), MARKDOWN, 1500):
        outside = regex.sub(r"(?ms)^(?:> ▎*)?(`{3,})\w*$.*?^(?:> ▎*)?\1$", "", message)

        assert 0 == len(regex.findall(r"(?m)^(?:> ▎*)?`{3,}", outside))
        assert 0 == outside.count("**") % 2
        assert outside.count("<font ") == outside.count("</font>")
        assert outside.count("](https://") == outside.count("](")


@pytest.mark.parametrize("look", LOOKS)
@given(text=noise)
@example(text="*<font color=info>\n|-|\n\u0301````<font color=info>`<a href=" * 36)
@settings(max_examples=300)
def test_whatever_is_said_can_be_sent(look: MessageStyle, text: str) -> None:
    messages = cut(text, look)

    assert_fit_to_be_sent(messages)
    # Where the text itself begins a line with a mark, so may a message.
    begun = [message for message in messages[1:] if _MARKS.match(message)]
    assert [] == [message for message in begun if f"\n{message[0]}" not in clean(text)]
    assert clean("".join(messages)) == "".join(messages)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("汉字很多，" * 7_000, id="one line of 100 kB"),
        pytest.param("汉" * 35_000, id="one word of 100 kB"),
        pytest.param("汉字很多，" * 68_000, id="one line of 1 MB"),
        pytest.param(("汉字很多，" * 8 + "\n\n") * 8_000, id="1 MB of paragraphs"),
        pytest.param("👨‍👩‍👧‍👦" * 4_000, id="nothing but families"),
        pytest.param("🇨🇳" * 12_000, id="nothing but flags"),
        pytest.param("`" * 100_000, id="nothing but backticks"),
        pytest.param("[" * 30_000, id="nothing but brackets"),
        pytest.param("```汉\n~~~\n" * 5_000, id="fences that do not close"),
        pytest.param("- " * 10_000 + "汉", id="a list 10,000 deep"),
        pytest.param("> " * 10_000 + "汉", id="a quote 10,000 deep"),
        pytest.param("\n".join("  " * depth + "- 汉" for depth in range(600)), id="an outline 600 deep"),
        pytest.param("汉\u0301" + "\u0301" * 50_000, id="a character of 100 kB"),
        pytest.param("**" + "汉字" * 20_000 + "**", id="bold without end"),
        pytest.param("| a | b |\n|-|-|\n" + "| 汉 | 字 |\n" * 10_000, id="a table of 10,000 rows"),
        pytest.param("[" + "汉" * 9_000 + "](https://example.com/" + "a" * 990 + ")", id="a link longer than messages"),
        pytest.param("\n" * 100_000 + "汉", id="nothing but lines"),
    ],
)
def test_a_hostile_answer_is_cut_like_any_other(look: MessageStyle, text: str) -> None:
    messages = cut(text, look)

    assert_fit_to_be_sent(messages)
    assert text.count("汉") - text.count("```汉") <= "".join(messages).count("汉")


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 18])
def test_an_emoji_is_never_cut_in_two(number: int) -> None:
    family = "👨‍👩‍👧‍👦"

    messages = cut("a" * number + family * 300, TEXT)

    assert "" == "".join(messages).replace(family, "").replace("a", "")
    assert all(not message.replace(family, "").strip("a") for message in messages)


@pytest.mark.parametrize("stop", ["。", "，", " ", "!"])
def test_a_mark_stays_with_the_stop_it_is_on(stop: str) -> None:
    messages = cut(f"字{stop}\u0301" * 1000, TEXT)

    assert all(not _MARKS.match(message) for message in messages)


def test_a_piece_ends_at_a_paragraph_if_it_can() -> None:
    first, second = "一" * 450, "二" * 450

    assert [first, second] == cut(f"{first}\n\n{second}", MARKDOWN)


def test_a_piece_ends_at_a_line_before_a_sentence() -> None:
    first, second = "一。" * 200, "二。" * 200

    assert [first, second] == cut(f"{first}\n{second}", MARKDOWN)


def test_a_piece_ends_at_a_sentence_before_a_comma() -> None:
    sentence = "一二三四，五六七八，九十。"

    messages = cut(sentence * 100, MARKDOWN)

    assert all(message.endswith("。") for message in messages)


def test_a_piece_ends_between_words_if_there_is_no_sentence() -> None:
    messages = cut("word " * 1000, MARKDOWN)

    assert {"word"} == {word for message in messages for word in message.split(" ")}


def test_a_decimal_point_ends_no_sentence() -> None:
    messages = cut("圆周率是3.14159，" * 200, MARKDOWN)

    assert all(message.endswith("，") for message in messages)


def test_a_heading_goes_with_what_it_is_over() -> None:
    # The half of a message, after which a piece may end at any line, is reached by the heading.
    first, second = "一" * 338, "二" * 600

    assert [first, f"## 标题\n{second}"] == cut(f"{first}\n\n## 标题\n\n{second}", MARKDOWN)


def test_a_fence_is_closed_and_opened_again_with_its_language() -> None:
    code = "\n".join(f"print({number:04})" for number in range(300))

    messages = cut(f"~~~~python title=x\n{code}\n~~~~", MARKDOWN)

    assert 1 < len(messages)
    assert all(message.startswith("```python\nprint(") and message.endswith(")\n```") for message in messages)
    assert code == "\n".join(message[len("```python\n") : -len("\n```")] for message in messages)


def test_code_of_100_kb_is_all_there_and_all_in_fences() -> None:
    code = [f"line {number}" for number in range(9000)]

    messages = cut("```sh\n" + "\n".join(code) + "\n```\n\n完", MARKDOWN)

    lines = "\n".join(messages).split("\n")
    assert code == [line for line in lines if line.startswith("line ")]
    assert lines.count("```sh") == lines.count("```")
    assert "完" == lines[-1]


def test_a_list_of_100_kb_keeps_its_numbers() -> None:
    items = [f"{number}. 第{number}项" for number in range(1, 6001)]

    messages = cut("\n\n".join(items), MARKDOWN)

    assert items == [line for line in "\n".join(messages).split("\n") if line]


def test_a_fence_around_backticks_is_longer_than_they_are() -> None:
    assert ["````\n```\n````"] == cut("~~~\n```\n~~~", MARKDOWN)


def test_a_fence_in_a_quote_stays_in_the_quote() -> None:
    code = "\n".join(f"> line {number}" for number in range(300))

    messages = cut(f"> ```sh\n{code}\n> ```", MARKDOWN)

    assert all(message.startswith("> ```sh\n> line ") and message.endswith("\n> ```") for message in messages)


def test_a_tables_header_is_on_each_piece() -> None:
    body = "\n".join(f"| {number} | 门店{number} |" for number in range(200))

    messages = cut(f"| 编号 | 名称 |\n|---|---|\n{body}", MARKDOWN)

    assert 1 < len(messages)
    assert all(message.startswith("**编号｜名称**\n") for message in messages)


def test_a_quote_stays_a_quote_on_each_piece() -> None:
    messages = cut("> " + "引用的一句话。" * 200, MARKDOWN)

    assert 1 < len(messages)
    assert all(message.startswith("> 引用") for message in messages)


@pytest.mark.parametrize(
    "markup", ["**重点在此**", "[链接文字](https://example.com)", '<font color="info">绿色文字</font>', "`一行代码`"]
)
def test_a_piece_does_not_end_inside_markup(markup: str) -> None:
    for length in range(650, 690):
        text = "一" * length + markup + "二" * 300

        assert any(markup in message for message in cut(text, MARKDOWN))


def test_bold_too_long_for_a_piece_is_bold_on_both() -> None:
    messages = cut("**" + "一" * 1000 + "**", MARKDOWN)

    assert ["**" + "一" * 681 + "**", "**" + "一" * 319 + "**"] == messages


def test_a_cut_makes_no_heading_of_a_sharp() -> None:
    messages = cut("升 # 降 > " * 400, MARKDOWN)

    assert all(not message.startswith(("#", ">")) for message in messages)


def test_pieces_that_are_several_are_numbered() -> None:
    assert ("a\n\n(1/2)", "b\n\n(2/2)") == numbered(["a", "b"])
    assert ("a",) == numbered(["a"])


def test_the_number_fits_below_a_piece() -> None:
    messages = numbered(cut("字" * 9000, MARKDOWN, MESSAGE_BYTES - number_bytes(100)))

    assert_fit_to_be_sent(messages)


def test_nothing_is_read_ahead_of_the_piece() -> None:
    coming = iter(Row((Span("字" * 100),)) for _ in range(1000))

    next(pieces(coming))

    assert 990 < len(list(coming))
