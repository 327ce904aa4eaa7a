"""Reads a message as markdown: CommonMark with tables and strikethrough, HTML as text, formulas left as they are."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from pipeline.text.markdown import bound

_DEEPEST = 16
"""Levels of nesting that are laid out; what goes deeper is shown as it was written."""

# Bounded, because a message full of openings would otherwise be searched to its end for each of them.
_INLINE = re.compile(
    r"\$\$(?!\s)(.{1,400}?)\$\$|\$(?![\s\d$])([^$\n]{1,200}?)(?<!\s)\$(?!\d)|\\\((.{1,400}?)\\\)|\\\[(.{1,400}?)\\\]",
    re.DOTALL,
)
_BLOCK = re.compile(r"(\$\$|\\\[)\s*$")
_MOST_LINES = 100
"""Lines a formula may have."""
_CLOSING = {"$$": "$$", "\\[": "\\]"}


def parse(text: str) -> list[Token]:
    """Return the block tokens; a message that nests too deep is one block of code, so that none of it is left out."""
    tokens = _PARSER.parse(text)
    if any(token.level >= _DEEPEST or _crowded(token) for token in tokens):
        return [Token("code_block", "code", 0, content=text, block=True)]
    return tokens


def _crowded(token: Token) -> bool:
    return any(child.level >= _DEEPEST for child in token.children or ())


def _formula(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 (the library's signature)
    if state.src[state.pos] not in "$\\":
        return False
    found = _INLINE.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("math_inline", "math", 0).content = next(part for part in found.groups() if part is not None)
    state.pos = found.end()
    return True


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 (as above)
    opened = _BLOCK.match(state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]])
    if opened is None:
        return False
    closing = _CLOSING[opened[1]]
    last = start + 1
    end = min(end, start + _MOST_LINES)
    while last < end and (line := state.src[state.bMarks[last] : state.eMarks[last]].strip()) != closing:
        if line == opened[1]:
            # What opens again did not mean to open: all of such lines would otherwise be looked through for each.
            return False
        last += 1
    if last == end:
        return False
    if silent:
        return True
    token = state.push("math_block", "math", 0)
    token.content = state.getLines(start + 1, last, state.sCount[start], keepLastLF=False)
    token.map = [start, last + 1]
    state.line = last + 1
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    # Before its rules are set: it brings its own parser of inline content.
    bound(parser)
    # A definition of a link's address is something somebody said, too: it becomes a token instead of vanishing.
    parser.options["inline_definitions"] = True
    parser.inline.ruler.before("escape", "math", _formula)
    parser.block.ruler.before("fence", "math", _formula_block, {"alt": ["paragraph", "blockquote", "list"]})
    return parser


_PARSER = _parser()
