"""Shows an answer of a trial as the chat shows it, and marks what only one of two answers says; all of it safe HTML."""

import re
from collections.abc import Iterator
from html import unescape
from itertools import groupby

from markupsafe import Markup, escape

from adapters.simulator.console_markup import markdown
from adapters.wecom.rendering.layout import rows
from adapters.wecom.rendering.markdown_style import MarkdownStyle
from adapters.wecom.rendering.message_splitting import pieces
from adapters.wecom.rendering.sanitise import clean
from chains.evaluation.text_differences import differences
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import is_visible

_UNDIVIDED = 2**31
"""Bytes of a message that is never divided: a trial has no limit of WeCom's to keep."""

# What is written between tags has its `<` and `>` escaped, attributes too.
_TAG = re.compile(r"(<[^<>]*>)")


def chat_html(text: str, catalogue: Catalogue) -> Markup:
    """Return an answer in WeCom's markdown, in one piece; `catalogue` is the language webot speaks in the chat."""
    whole = clean(text)
    shown = "".join(pieces(rows(whole, MarkdownStyle(catalogue)), _UNDIVIDED)) if is_visible(whole) else ""
    return markdown(shown or text)


def compared_html(before: str, after: str, catalogue: Catalogue) -> tuple[Markup, Markup]:
    """Return two answers with what is only in the first marked as deleted, and what is only in the second as inserted.

    Their words are compared as they are read, so a mark never parts the markup.
    """
    left, right = chat_html(before, catalogue), chat_html(after, catalogue)
    gone: list[bool] = []
    come: list[bool] = []
    for same, only_before, only_after in differences(_words(left), _words(right)):
        gone += [False] * len(same) + [True] * len(only_before)
        come += [False] * len(same) + [True] * len(only_after)
    return _marked(left, iter(gone), Markup("<del>{}</del>")), _marked(right, iter(come), Markup("<ins>{}</ins>"))


def _words(html: Markup) -> str:
    """Return the words of a document; where it has a tag, a line ends."""
    return unescape(_TAG.sub("\n", html))


def _marked(html: Markup, marks: Iterator[bool], mark: Markup) -> Markup:
    """Return a document with marks put around its words; there is a mark for each character of `_words`."""
    done = Markup()
    for piece in _TAG.split(html):
        if piece.startswith("<"):
            next(marks)
            done += Markup(piece)  # noqa: S704 (a tag of safe HTML)
            continue
        for is_marked, group in groupby(zip(unescape(piece), marks, strict=False), key=lambda pair: pair[1]):
            words = "".join(character for character, _ in group)
            done += mark.format(words) if is_marked and words.strip() else escape(words)
    return done
