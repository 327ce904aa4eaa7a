"""Parses replies: CommonMark with GFM's tables and strikethrough, HTML read as text, nesting bounded."""

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.token import Token

from adapters.wecom.formulas import formula, formula_block
from adapters.wecom.inline import LenientInline
from adapters.wecom.tags import tag

_DEEPEST = 20
"""The block level below which structure is no longer read; a list takes two levels, a quote one."""


def deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the library's signature
    """Read what is nested too deep as words: the library would leave it out."""
    if silent or state.level < _DEEPEST:
        return False
    last = start + 1
    while last < end and (state.isEmpty(last) or state.sCount[last] >= state.blkIndent):
        last += 1
    state.line = last
    state.push("paragraph_open", "p", 1).map = [start, last]
    token = state.push("inline", "", 0)
    token.content = state.getLines(start, last, state.blkIndent, keepLastLF=False).strip()
    token.map = [start, last]
    token.children = []
    state.push("paragraph_close", "p", -1)
    return True


def definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    """Read `[label]: address`; a footnote, `[^1]: words`, stays the words that CommonMark would take for an address."""
    if state.src.startswith("[^", state.bMarks[start] + state.tShift[start]):
        return False
    return reference(state, start, end, silent)


def _parser() -> MarkdownIt:
    parser = MarkdownIt()
    parser.inline = LenientInline()
    parser.configure("commonmark", {"html": False, "maxNesting": _DEEPEST + 4, "inline_definitions": True})
    parser.options["store_labels"] = True
    parser.enable(["table", "strikethrough"])
    parser.block.ruler.before("table", "deep", deep)
    parser.block.ruler.at("reference", definition)
    parser.block.ruler.before("code", "formula_block", formula_block, {"alt": ["paragraph", "blockquote", "list"]})
    parser.inline.ruler.before("escape", "formula", formula)
    parser.inline.ruler.before("autolink", "tag", tag)
    return parser


_PARSER = _parser()


def parse(text: str) -> list[Token]:
    """Give the block tokens, inline content in their children; linear, and never deeper than twenty levels.

    A definition (`[label]: address`) is a token of its own, with its label in `meta`.
    """
    return _PARSER.parse(text, {})
