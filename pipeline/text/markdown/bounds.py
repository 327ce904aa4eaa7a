"""Bounds for every parser of Markdown: no syntax makes much of little, and none makes written text vanish.

CommonMark allows both. A table's row has as many cells as its header, whether they were written or not: 1,500 bytes
make 58,000 cells. What is nested too deep, a table's cells beyond its columns, and the signs of a fence of 2,000
backticks are left out.
"""

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_block import StateBlock, fence, hr, table
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token
from markdown_it.utils import EnvType

DEEPEST = 20
"""The block level below which structure is no longer read; a list takes two levels, a quote one."""

MOST_CELLS = 2000
"""Cells of all the tables of a text: parsing takes 20 µs each, and a screen shows few hundred of them."""

MOST_TOKENS = 8_000
"""Block tokens of a text, at some 8 µs each: an item of a list takes five, a paragraph three. What follows is shown as
it was written: a text has so many only where its lines are a few signs long."""

_LONGEST_FENCE = 48
"""Signs of a fence; a longer run was meant to be seen."""

_LONGEST_RULE = 200
"""Characters of a rule or an underline, which models draw across a page; a longer one was meant to be seen."""

_MOST_SIGNS = 3000
"""Signs and lines one paragraph, heading or cell may have, at some 20 µs each; a page of formulas has hundreds."""

_SIGNS = "\n[]!*_~`<&\\$"
_CODE_INDENT = 3
_UNDERLINES = frozenset("=-")
_BEGINNINGS = frozenset("`~>*-_+#=$\\0123456789")
"""What a line begins with that may end a paragraph: a fence, a quote, a list, a rule, a heading, a formula."""

_RULES = frozenset("*-_")
_CELLS_LEFT = "cells_left"


class BoundedInline(ParserInline):
    """Parses inline content; of one with more signs than any writing has, it makes words."""

    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        """Parse `src` into `tokens`."""
        if len(src) > _MOST_SIGNS and sum(map(src.count, _SIGNS)) > _MOST_SIGNS:
            for number, line in enumerate(src.split("\n")):
                if number:
                    tokens.append(Token("softbreak", "br", 0))
                tokens.append(Token("text", "", 0, content=line))
            return tokens
        return self.parse_signs(src, md, env, tokens)

    def parse_signs(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        """Parse `src` into `tokens`, its signs as what they mean."""
        return super().parse(src, md, env, tokens)


def bound(parser: MarkdownIt) -> MarkdownIt:
    """Return a parser with limits; what is beyond them it reads as plain text."""

    def bounded_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - see `_deep`
        left: int = state.env.get(_CELLS_LEFT, MOST_CELLS)
        if silent or not left:
            return bool(left) and table(state, start, end, silent)
        taken = _table_within(state, start, end, left)
        state.env[_CELLS_LEFT] = 0 if taken is None else left - taken
        return bool(taken)

    if not isinstance(parser.inline, BoundedInline):
        parser.inline = BoundedInline()
    parser.options["maxNesting"] = DEEPEST + 4
    parser.block.ruler.before("table", "crowded", _crowded, {"alt": ["paragraph", "blockquote", "list"]})
    parser.block.ruler.before("table", "deep", _deep)
    parser.block.ruler.at("table", bounded_table, {"alt": ["paragraph", "reference"]})
    parser.block.ruler.at("fence", _fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.block.ruler.at("hr", _hr, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.block.ruler.at("paragraph", _paragraph)
    parser.block.ruler.disable("lheading")
    # They do nothing without `html`, and are asked at every line and every "<".
    parser.disable(["html_block", "html_inline"])
    return parser


def _crowded(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - see `_deep`
    """Read what follows a great many blocks as lines of code; asked silently, end the list or quote it stands in."""
    if len(state.tokens) < MOST_TOKENS:
        return False
    if not silent:
        last = _last_inside(state, start, end)
        state.line = last
        token = state.push("code_block", "code", 0)
        token.content = state.getLines(start, last, state.blkIndent, keepLastLF=True)
        token.map = [start, last]
    return True


def _last_inside(state: StateBlock, start: int, end: int) -> int:
    """Return the number of the line behind those that belong to the block that is being read."""
    last = start + 1
    while last < end and (state.isEmpty(last) or state.sCount[last] >= state.blkIndent):
        last += 1
    return last


def _deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the library's signature
    """Read what is nested too deep as words: the library would leave it out."""
    if silent or state.level < DEEPEST:
        return False
    last = _last_inside(state, start, end)
    state.line = last
    state.push("paragraph_open", "p", 1).map = [start, last]
    token = state.push("inline", "", 0)
    token.content = state.getLines(start, last, state.blkIndent, keepLastLF=False).strip()
    token.map = [start, last]
    token.children = []
    state.push("paragraph_close", "p", -1)
    return True


def _table_within(state: StateBlock, start: int, end: int, most: int) -> int | None:
    """Parse a table of at most so many cells and return their number, 0 for no table, None for one that is larger."""
    if start + 2 > end or "-" not in (delimiters := _line(state, start + 1)):
        return 0
    columns = max(1, delimiters.strip().strip("|").count("|") + 1)
    rows = most // columns - 1
    if rows < 0:
        return None if table(state, start, end, silent=True) else 0
    before, line, parent = len(state.tokens), state.line, state.parentType
    beyond = start + 3 + rows
    if not table(state, start, min(end, beyond), silent=False):
        return 0
    if state.line == beyond:
        del state.tokens[before:]
        state.line, state.parentType = line, parent
        return None
    _keep_surplus(state, before, columns)
    return columns * (state.line - start - 1)


def _keep_surplus(state: StateBlock, first: int, columns: int) -> None:
    """Append a row's cells beyond the header's columns to its last one."""
    last = None
    for token in state.tokens[first:]:
        if token.type == "inline":
            last = token
        elif token.type == "tr_close" and last is not None and last.map is not None:
            cells = escapedSplit(_line(state, last.map[0]).strip().removeprefix("|"))
            surplus = [cell.strip() for cell in cells[columns:] if cell.strip()]
            last.content = " | ".join([last.content, *surplus])


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - see `_deep`
    begin = state.bMarks[start] + state.tShift[start]
    marker = state.src[begin : begin + 1]
    if marker in {"`", "~"} and state.src.startswith(marker * (_LONGEST_FENCE + 1), begin):
        return False
    return fence(state, start, end, silent)


def _hr(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - see `_deep`
    if (
        state.src[state.bMarks[start] + state.tShift[start] : state.bMarks[start] + state.tShift[start] + 1]
        not in _RULES
    ):
        return False
    return not _is_long(state, start) and hr(state, start, end, silent)


def _paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001, ARG001 - see `_deep`
    """Read a paragraph or a heading that is underlined, each line once; the library reads it twice."""
    rules = state.md.block.ruler.getRules("paragraph")
    end = state.lineMax
    parent, state.parentType = state.parentType, "paragraph"
    underline = ""
    last = start + 1
    while last < end and not state.isEmpty(last):
        indent = state.sCount[last]
        begins = state.src[state.bMarks[last] + state.tShift[last]]
        # Indented it goes on whatever it is; so does what a quote has looked at already, and what begins no block.
        if (
            indent >= 0
            and indent - state.blkIndent <= _CODE_INDENT
            and (begins in _BEGINNINGS or _delimits(state, last + 1))
        ):
            if begins in _UNDERLINES and indent >= state.blkIndent and _is_underline(state, last):
                underline = begins
                break
            if any(rule(state, last, end, True) for rule in rules):  # noqa: FBT003 - as above
                break
        last += 1
    content = state.getLines(start, last, state.blkIndent, keepLastLF=False).strip()
    state.line = last + 1 if underline else last
    tag = ("h1" if underline == "=" else "h2") if underline else "p"
    kind = "heading" if underline else "paragraph"
    state.push(f"{kind}_open", tag, 1).map = [start, state.line]
    state.tokens[-1].markup = underline
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = content, [start, last], []
    state.push(f"{kind}_close", tag, -1).markup = underline
    state.parentType = parent
    return True


def _delimits(state: StateBlock, number: int) -> bool:
    """Whether a line may be the second of a table, whose first may begin with anything."""
    begin = state.bMarks[number] + state.tShift[number]
    return number < state.lineMax and state.src[begin : begin + 1] in {"|", "-", ":"} and "-" in _line(state, number)


def _is_underline(state: StateBlock, number: int) -> bool:
    line = _line(state, number).rstrip(" \t")
    return len(line) <= _LONGEST_RULE and not line.strip(line[0])


def _is_long(state: StateBlock, number: int) -> bool:
    return state.eMarks[number] - state.bMarks[number] - state.tShift[number] > _LONGEST_RULE


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]
