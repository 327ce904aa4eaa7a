"""Every path a text takes is linear: 40,000 characters of whatever kind cost less than a quarter of a second."""

from collections.abc import Callable

import pytest

from adapters.simulator import console_markup
from adapters.wecom.callback.xml import message_fields
from adapters.wecom.rendering.render import render
from chains.media.speech_text import speech_text
from chains.models.errors import to_answer_failed
from chains.models.parsing.reasoning import split_reasoning
from chains.persona_library import search
from chains.routing.classifier import chain_named
from exports.writers.characters import EMOJI, breakable, printable
from exports.writers.markdown import embedded
from exports.writers.parsing import parse
from pipeline.errors import BadCallback
from pipeline.ports import ChannelCapabilities
from pipeline.replies import TextReply
from pipeline.steps.rendering import plain_parts
from pipeline.text.command_line import choice_of, read_command_line
from pipeline.text.escape import block_quote, escape_markdown
from pipeline.text.folding import casefold_nfkc, repeated_sign
from pipeline.text.i18n import Catalogue
from pipeline.text.privacy import Masker
from tests.processor_time import costs_less_than

LENGTH = 40_000
MOST_SECONDS = 0.25
WORDS = Catalogue("zh")


def repeated(text: str) -> str:
    return (text * (LENGTH // len(text) + 1))[:LENGTH]


def table(columns: int, rest: str = "|\n") -> str:
    return ("|" + "a|" * columns + "\n|" + "-|" * columns + "\n" + rest * LENGTH)[:LENGTH]


TEXTS = {
    "tables without cells": table(256),
    "a narrow table": table(2),
    "tables after tables": repeated(table(100)[:600] + "\n\n"),
    "a table of written cells": table(4, "|a|b|c|d|\n"),
    "a code block with a run of backticks": '```python\nx = "" ' + "`" * LENGTH + "\n```",
    "runs of backticks, longer and longer": " ".join("`" * length for length in range(1, 282)),
    "empty code blocks": repeated("```\n"),
    "fences of two kinds": repeated("```\n~~~\n"),
    "spaces behind a bracket": "<" + " " * LENGTH + ">",
    "thoughts that are mentioned": repeated("x<think>"),
    "thoughts that end in code": repeated("<think>\n```\n</think>\n```\n"),
    "calls of tools": repeated("<tool_call>{"),
    "channels": repeated("<|channel|>analysis<|message|>"),
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
    "words without a space": "a" * LENGTH,
    "underscores": repeated("a_"),
    "digits": repeated("1"),
    "digits with signs": repeated("1-"),
    "addresses": repeated("a.b@"),
    "marks": "a" + "\u0301" * LENGTH,
    "marks in an order that is not theirs": repeated("\u0301\u0327"),
    "braces": repeated("{"),
    "half of what an empty account is called": repeated("insufficient_"),
    "flags": repeated("🇨🇳"),
    "families": repeated("👨\u200d👩\u200d👧\u200d👦"),
    "ligatures": repeated("\ufdfa"),
    "links": repeated("[a](b) "),
}


def read(text: str) -> None:
    try:
        message_fields(f"<xml><Content>{text}</Content></xml>".encode())
    except BadCallback:
        return


PATHS: dict[str, Callable[[str], object]] = {
    "markdown messages": lambda text: render([TextReply(text)], message_format="markdown", max_pieces=5),
    "text messages": lambda text: render([TextReply(text)], message_format="text", max_pieces=1),
    "plain parts": lambda text: plain_parts([TextReply(text)], ChannelCapabilities(message_bytes=2048), WORDS),
    "thoughts": split_reasoning,
    "thoughts of a draft": lambda text: split_reasoning(text, whole=False),
    "reading aloud": speech_text,
    "folding": lambda text: (casefold_nfkc(text), repeated_sign(text, ["👍"])),
    "commands": lambda text: (read_command_line("@" + text, ("@help",), lambda *_: True), choice_of(text)),
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
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", TEXTS)
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
