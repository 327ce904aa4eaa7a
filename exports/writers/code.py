"""Colours code by the language its author named."""

import html
from collections.abc import Mapping
from functools import cache
from itertools import groupby
from operator import itemgetter

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, _TokenType
from pygments.util import ClassNotFound

_LIGHT, _DARK = "default", "github-dark"
LONGEST_COLOURED = 20_000
"""Characters that are coloured; a longer listing is a dump, and its colours would cost more than its text."""


def coloured(code: str, language: str) -> str:
    """Return code as HTML; plain where the language is unknown.

    What has a colour is in a span with pygments' class, and nothing else: laying a span out costs more than its text.
    """
    lexer = _lexer(language) if language and len(code) <= LONGEST_COLOURED else None
    if lexer is None:
        return html.escape(code, quote=False)
    named = (("" if text.isspace() else _class(kind), text) for kind, text in lexer.get_tokens(code))
    runs = ((name, "".join(text for _, text in run)) for name, run in groupby(named, itemgetter(0)))
    return "".join(_span(name, html.escape(text, quote=False)) for name, text in runs)


@cache
def colours() -> Mapping[str, str]:
    """Return the style sheet's rule for each class, for code inside <pre> on a light page."""
    return {name: f"pre .{name} {{ {look} }}" for name, look in _looks(_LIGHT).items()}


@cache
def dark_colours() -> str:
    """Return the rules that take their place on a dark page."""
    return "\n".join(f"pre .{name} {{ {_looks(_DARK).get(name, 'color: inherit')} }}" for name in colours())


def _span(name: str, text: str) -> str:
    return f'<span class="{name}">{text}</span>' if name else text


@cache
def _class(kind: _TokenType) -> str:
    name: str = STANDARD_TYPES.get(kind, "")
    if name in _looks(_LIGHT):
        return name
    return _class(kind.parent) if kind.parent else ""


@cache
def _looks(style: str) -> Mapping[str, str]:
    # Only what colours text: backgrounds and borders are the page's.
    looks: dict[str, str] = {}
    for kind, rule in get_style_by_name(style):
        look = [f"color: #{rule['color']}"] if rule["color"] else []
        look += ["font-weight: bold"] if rule["bold"] else []
        look += ["font-style: italic"] if rule["italic"] else []
        looks |= {STANDARD_TYPES[kind]: "; ".join(look)} if look and STANDARD_TYPES.get(kind) else {}
    return looks


@cache
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
