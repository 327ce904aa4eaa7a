"""Reads a message as the chat does, and footnotes besides."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from pipeline.text.markdown.commonmark import build_parser

_DEEPEST = 16
"""Levels of nesting that are laid out; what goes deeper is shown as it was written."""

_FORMULAS = frozenset({"formula", "formula_block"})
_MOST_LATEX = 10_000
"""Characters of formulas that are set, at some 50 µs each; where there are more, all are shown as they were written."""

_LABEL = r"\[\^([^\[\]\s]{1,40})\]"
_MARK = re.compile(_LABEL)
_FOOTNOTE = re.compile(rf"^[ >]{{0,8}}{_LABEL}:", re.MULTILINE)
_LABELS = "footnotes"


def parse(text: str) -> list[Token]:
    """Return the block tokens; a message that nests too deep is one block of code, so that none of it is left out."""
    tokens = _PARSER.parse(text, {_LABELS: set(_FOOTNOTE.findall(text)) if "[^" in text else ()})
    if any(token.level >= _DEEPEST or _crowded(token) for token in tokens):
        return [Token("code_block", "code", 0, content=text, block=True)]
    formulas = [each for token in tokens for each in (token, *(token.children or ())) if each.type in _FORMULAS]
    if sum(len(each.meta["latex"]) for each in formulas) > _MOST_LATEX:
        for each in formulas:
            each.hidden = True
    return tokens


def _crowded(token: Token) -> bool:
    return any(child.level >= _DEEPEST for child in token.children or ())


def _footnote_mark(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 (the library's signature)
    """Parse `[^1]` where the message says somewhere what it stands for."""
    if not state.src.startswith("[^", state.pos):
        return False
    found = _MARK.match(state.src, state.pos, state.posMax)
    if found is None or found[1] not in state.env[_LABELS]:
        return False
    if not silent:
        state.push("footnote_mark", "", 0).content = found[1]
    state.pos = found.end()
    return True


def _parser() -> MarkdownIt:
    parser = build_parser()
    parser.inline.ruler.before("link", "footnote_mark", _footnote_mark)
    return parser


_PARSER = _parser()
