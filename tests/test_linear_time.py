"""Every path a text takes is linear: 40,000 characters of whatever kind cost less than a quarter of a second."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.aibot.bot_rendering import render as bot_parts
from adapters.aibot.drafts import draft, with_thinking, without_thinking
from adapters.aibot.event_reader import read_message
from adapters.simulator import console_markup
from adapters.wecom.callback.xml import message_fields
from adapters.wecom.rendering.render import render
from chains.commands import all_commands
from chains.evaluation.text_differences import differences
from chains.media.speech_text import speech_text
from chains.models.errors import to_answer_failed
from chains.models.openai.inline_pictures import InlinePictures
from chains.models.openai.stream_decoder import StreamDecoder
from chains.models.parsing.json_answer import json_of
from chains.models.parsing.reason_text import shown_reason
from chains.models.parsing.reasoning import split_reasoning
from chains.models.parsing.written_calls import calls_of_block, written_calls
from chains.persona_library import search
from chains.routing.classifier import chain_named
from exports.pdf.markdown_pdf import PdfMarkup
from exports.pdf.typst_markup import TypstMarkup
from exports.records import ConversationInfo, Message, Transcript
from exports.workers.documents import pieces
from exports.writers.blocks import blocks_of
from exports.writers.characters import EMOJI, breakable, printable
from exports.writers.html_blocks import HtmlMarkup
from exports.writers.image_files import ImageFolder
from exports.writers.markdown import embedded
from exports.writers.parsing import parse
from pipeline.errors import BadCallback
from pipeline.exports import Format
from pipeline.ports import ChannelCapabilities
from pipeline.replies import TextReply
from pipeline.steps.rendering import plain_parts
from pipeline.text.command_line import read_command_line
from pipeline.text.credentials import shown_address
from pipeline.text.folding import casefold_nfkc, repeated_sign
from pipeline.text.i18n import Catalogue
from pipeline.text.markdown.escape import block_quote, escape_markdown
from pipeline.text.privacy import Masker
from pipeline.text.search_words import search_phrases, search_words
from pipeline.text.stored_sentences import stored_sentence
from storage.search.snippet import snippet
from tests.processor_time import costs_less_than
from web.logs.redaction import Redactor

LENGTH = 40_000
MOST_SECONDS = 0.25
WORDS = Catalogue("zh")
FORMATS: Sequence[Format] = ("csv", "jsonl")
"""Those that read no markup; what the others read is a path of its own."""


COMMANDS = all_commands()


def repeated(text: str) -> str:
    return (text * (LENGTH // len(text) + 1))[:LENGTH]


def table(columns: int, rest: str = "|\n") -> str:
    return ("|" + "a|" * columns + "\n|" + "-|" * columns + "\n" + rest * LENGTH)[:LENGTH]


MARKUP = {
    "tables without cells": table(256),
    "a narrow table": table(2),
    "tables after tables": repeated(table(100)[:600] + "\n\n"),
    "a table of written cells": table(4, "|a|b|c|d|\n"),
    "a code block with a run of backticks": '```python\nx = "" ' + "`" * LENGTH + "\n```",
    "runs of backticks, longer and longer": " ".join("`" * length for length in range(1, 282)),
    "empty code blocks": repeated("```\n"),
    "fences of two kinds": repeated("```\n~~~\n"),
    "CDATA": repeated("<![CDATA["),
    "brackets": repeated("["),
    "pictures": repeated("!["),
    "formulas": repeated("\\[\n"),
    "dollars": repeated("$a "),
    "asterisks": repeated("*a_"),
    "Chinese emphasis": repeated("**字：**字"),
    "quotes": repeated("> "),
    "lists in lists": repeated("- "),
    "lines": repeated("\n"),
    "braces": repeated("{"),
    "numbers of lines": repeated("> 1\n"),
    "links": repeated("[a](b) "),
    "emphasis that is opened and never closed": repeated("*a **b "),
    "colours that are opened and never closed": repeated('<font color="info">'),
    "lines that end as on an old Mac": repeated("# a heading\r> a quotation\r"),
    "two kinds of headings": repeated("a heading\n===\n"),
    "items of one letter": repeated("1) a\n"),
    "tasks of one letter": repeated("- [ ] a\n"),
    "items in items of one letter": repeated("- 1. a\n"),
    "headings of one letter": repeated("# a\n"),
    "paragraphs of one letter": repeated("a\n\n"),
    "delimiters of tables": repeated("|-|\n"),
    "footnotes": repeated("[^1]: a\n") + "[^1]",
    "formulas in formulas": "$$" + repeated("\\frac{")[:LENGTH] + "$$",
    "rows that are nearly a table's": repeated(" " * 1990 + "|x\n"),
}
SIGNS = {
    "words without a space": "a" * LENGTH,
    "underscores": repeated("a_"),
    "digits": repeated("1"),
    "digits with signs": repeated("1-"),
    "addresses": repeated("a.b@"),
    "marks": "a" + "\u0301" * LENGTH,
    "marks in an order that is not theirs": repeated("\u0301\u0327"),
    "Hebrew without a space": repeated("שלום"),
    "half of what an empty account is called": repeated("insufficient_"),
    "half of what a full window is called": repeated("exceed_"),
    "flags": repeated("🇨🇳"),
    "families": repeated("👨\u200d👩\u200d👧\u200d👦"),
    "ligatures": repeated("\ufdfa"),
    "invisible characters": repeated("a\u200b\u202e"),
    "Chinese without a space": repeated("汉字的长文本没有空格"),
    "words of a request for a document": repeated("对话记录"),
    "parts of sentences": repeated("a: b; "),
    "quotation marks": repeated('"'),
}
ANSWERS = {
    "spaces behind a bracket": "<" + " " * LENGTH + ">",
    "thoughts that are mentioned": repeated("x<think>"),
    "thoughts that end in code": repeated("<think>\n```\n</think>\n```\n"),
    "calls of tools": repeated("<tool_call>{"),
    "channels": repeated("<|channel|>analysis<|message|>"),
    "one object in another": repeated('{"a":'),
    "a block of JSON that ends in spaces": '```json\n{"a": ' + " " * LENGTH + "1",
    "a fence with spaces behind it": "```json" + " " * LENGTH,
    "parameters of tools": repeated('<invoke name="now"><parameter name="a">'),
    "parameters that are opened and never closed": '<invoke name="now">' + repeated("<parameter=a>"),
    "parameters that are closed once": '<invoke name="now">' + repeated("<parameter=a>") + "</parameter>",
    "parameters whose names do not end": '<invoke name="now">' + repeated("<parameter=" + "a " * 80),
    "parameters behind spaces": '<invoke name="now">' + repeated("<parameter" + " " * 4),
    "pairs that are opened and never closed": "<tool_call>now " + repeated("<arg_key>a</arg_key><arg_value>"),
    "pairs that are closed once": "<tool_call>now " + repeated("<arg_key>a</arg_key><arg_value>") + "</arg_value>",
    "pairs without a value": "<tool_call>now " + repeated("<arg_key>a</arg_key> "),
    "keys that are opened and never closed": "<tool_call>now " + repeated("<arg_key>"),
    "calls that are nothing but names": repeated("<invoke name=now>"),
    "calls one after the other": repeated("<tool_call>now <arg_key>a</arg_key><arg_value>1</arg_value>"),
    "functions in functions": repeated("<function=now>"),
    "lists in lists of a call": "<tool_call>" + repeated("[1,"),
    "a list of a call that does not end": "<tool_call>" + "[" * 64 + repeated("1,"),
    "tags before a name": "<arg_key>" + repeated("<a>    "),
    "blocks that are opened and never closed": repeated("\n```json\na") + "\n```",
    "lines and spaces in a block": "```json\n" + repeated(" \n") + "\n```",
}


def read(text: str) -> None:
    try:
        message_fields(f"<xml><Content>{text}</Content></xml>".encode())
    except BadCallback:
        return


def in_group(text: str) -> None:
    body: dict[str, Any] = {"msgid": "1", "aibotid": "b", "msgtype": "text", "from": {"userid": "u"}}
    body |= {"chattype": "group", "chatid": "c", "text": {"content": f"@小助手 {text}"}}
    body |= {"quote": {"msgtype": "text", "text": {"content": text}}}
    read_message(body, channel="bot", bot_id="b", names=("小助手",), now=datetime.now(UTC))


def written(text: str) -> None:
    schemas = {"now": {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}}
    # Both as it is taken out of an answer and as it would be, were it all a call.
    written_calls(split_reasoning(text).calls, schemas)
    written_calls((text,), schemas)
    calls_of_block(text, schemas)


def compared(text: str) -> None:
    """Two texts without common ends, and two that have only every other word in common."""
    halves = [f"{word} {number}" for number, word in enumerate(text.split()[: LENGTH // 8])]
    for one, other in (
        (text, f"嘿{text}嘿"),
        ("".join(halves), "".join(f"{each}x" for each in halves)),
        (f"{text[: LENGTH // 2]}a{text[LENGTH // 2 :]}", text[::-1]),
    ):
        deque(differences(one, other), maxlen=0)


def commanded(text: str) -> None:
    read_command_line("@" + text, ("@help",), lambda *_: True)
    for name in ("@export", "@导出", "@画图", "@角色", "@模型", "@忘了我"):
        COMMANDS.find(f"{name}{text}x")


def streamed(text: str) -> None:
    """The longest answer there is, in one event."""
    line = b"data: " + json.dumps({"choices": [{"delta": {"content": text * 5}}]}).encode() + b"\n\n"
    deque(StreamDecoder().feed(line + line), maxlen=0)


def sign_by_sign(text: str) -> None:
    inline = InlinePictures()
    for character in text:
        inline.feed(character)
    inline.rest()


def said(text: str) -> Message:
    return Message(1, "ai", text, (), 0.0)


def documents(text: str) -> None:
    transcript = Transcript(ConversationInfo(1, "wecom", "u", 1, "t", "", 0.0, 0.0), (said(text),))
    for kind in FORMATS:
        deque(pieces([transcript], WORDS, ImageFolder(Path("nowhere")), kind), maxlen=0)


PATHS: dict[str, Callable[[str], object]] = {
    "markdown messages": lambda text: render([TextReply(text)], message_format="markdown", max_pieces=5),
    "text messages": lambda text: render([TextReply(text)], message_format="text", max_pieces=1),
    "plain parts": lambda text: plain_parts([TextReply(text)], ChannelCapabilities(message_bytes=2048), WORDS),
    "thoughts": split_reasoning,
    "thoughts of a draft": lambda text: split_reasoning(text, whole=False),
    "reading aloud": speech_text,
    "folding": lambda text: (casefold_nfkc(text), repeated_sign(text, ["👍"])),
    "commands": commanded,
    "quoting": lambda text: (escape_markdown(text, most=LENGTH), block_quote(text)),
    "masking": Masker(("张三", "Li Lei")),
    "parsing of exports": parse,
    "markdown of exports": embedded,
    "characters of exports": lambda text: EMOJI.sub("", breakable(printable(text))),
    "markdown in the console": console_markup.markdown,
    "text in the console": console_markup.plain,
    "callbacks": read,
    "the chain that a model chooses": chain_named,
    "what a provider says of an error": lambda text: to_answer_failed(RuntimeError(text), model="default"),
    "a search for personas": search,
    "a reason that was stored": lambda text: [stored_sentence(said) for said in (text, text[:2000], text[-2000:])],
    "messages of a bot": lambda text: bot_parts([TextReply(text)]),
    "JSON in an answer": json_of,
    "frames of a bot": lambda text: (draft(text, "…", text), without_thinking(with_thinking(text, text))),
    "a message in a group, quoting": in_group,
    "the index of the search": search_words,
    "words marked in what was found": lambda text: snippet(text, search_phrases(text[:200]), most=200),
    "calls that are written into words": written,
    "words that come sign by sign": sign_by_sign,
    "what two answers differ in": compared,
    "typst": lambda text: TypstMarkup().blocks(blocks_of(said(text))),
    "pages of the web": lambda text: HtmlMarkup().blocks(blocks_of(said(text))),
    "pages of markdown-pdf": lambda text: PdfMarkup().blocks(blocks_of(said(text))),
    "documents of exports": documents,
    "a reason beside a conversation": lambda text: shown_reason(text, [text, f"{text[1:]}b"]),
    "an event of a stream": streamed,
    "an address that is shown": lambda text: shown_address(text.replace("_", "//a:")),
    "the log": Redactor(("sk-0123456789",)).text,
}


TEXTS = MARKUP | SIGNS | ANSWERS
ALWAYS = ("markdown messages", "thoughts", "messages of a bot", "the log")
"""What every answer passes, whatever it is."""
READS = (
    (
        MARKUP,
        (
            *("text messages", "reading aloud", "parsing of exports", "markdown of exports"),
            *("markdown in the console", "typst", "pages of the web", "pages of markdown-pdf"),
        ),
    ),
    (
        SIGNS,
        (
            *("text messages", "folding", "commands", "masking", "characters of exports"),
            "the index of the search",
        ),
    ),
    (
        (*ANSWERS, "pictures", "brackets", "braces"),
        (
            *("thoughts of a draft", "JSON in an answer", "calls that are written into words"),
            *("words that come sign by sign", "frames of a bot"),
        ),
    ),
    (
        (
            *("words without a space", "half of what an empty account is called", "parts of sentences", "flags"),
            *("half of what a full window is called", "ligatures", "quotation marks"),
        ),
        (
            *("plain parts", "documents of exports", "a reason that was stored", "a search for personas"),
            *("what a provider says of an error", "a reason beside a conversation", "a message in a group, quoting"),
            *("what two answers differ in", "an event of a stream", "an address that is shown", "quoting", "callbacks"),
            *("the chain that a model chooses", "text in the console", "words marked in what was found"),
        ),
    ),
)
"""Which texts which other paths may read in more than linear time."""
CASES = dict.fromkeys(
    [(path, kind) for kind in TEXTS for path in ALWAYS]
    + [(path, kind) for kinds, paths in READS for kind in kinds for path in paths]
    + [("typst", kind) for kind in ("marks", "Hebrew without a space", "families", "ligatures")]
    + [("masking", "blocks that are opened and never closed"), ("the chain that a model chooses", "braces")]
)


def test_every_path_is_tried() -> None:
    assert PATHS.keys() == {path for path, _ in CASES}


@pytest.mark.parametrize(("path", "kind"), CASES)
def test_a_text_of_any_kind_costs_little(path: str, kind: str) -> None:
    assert costs_less_than(MOST_SECONDS, lambda: PATHS[path](TEXTS[kind]))


def test_the_drafts_of_an_answer_together_cost_little_more_than_reading_it() -> None:
    """As `chains.conversation.tool_loop` shows them: in steps that grow with the answer."""
    text = repeated("<think>a</think>b `c` ")

    def read_drafts() -> None:
        shown = 0
        while shown < LENGTH:
            shown += 1 + shown // 20
            split_reasoning(text[:shown], whole=False)

    assert costs_less_than(40 * MOST_SECONDS, read_drafts)
