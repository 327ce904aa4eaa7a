"""Colours code by the language its author named."""

import html
from functools import cache

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_LONGEST = 20_000
"""Characters that are coloured; a longer listing is a dump, and its colours would cost more than its text."""

_FORMATTER = HtmlFormatter(nowrap=True, style="default")


def coloured(code: str, language: str) -> str:
    """Give code as HTML, each token in a span with pygments' class; plain where the language is unknown."""
    lexer = _lexer(language) if language and len(code) <= _LONGEST else None
    return html.escape(code, quote=False) if lexer is None else highlight(code, lexer, _FORMATTER)


def colours(within: str = "") -> str:
    """Give the style sheet of the colours, for code inside `within`."""
    rules = HtmlFormatter(style="default").get_style_defs(within).split("\n")
    # Of each rule only what colours text: backgrounds and borders are the page's.
    return "\n".join(rule for rule in rules if "{ color:" in rule or "font-" in rule)


@cache
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
