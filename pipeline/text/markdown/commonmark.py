"""Parses replies: CommonMark with GFM's tables and strikethrough, HTML read as text, within bounds."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.token import Token
from markdown_it.utils import EnvType

from pipeline.text.markdown.bounds import bound
from pipeline.text.markdown.cjk_emphasis import CjkInlineParser
from pipeline.text.markdown.formulas import formula, formula_block
from pipeline.text.markdown.html_tags import tag

# CommonMark takes any word for an address: `[1]: 员工手册第三章` would become percent-encoding.
_DEFINITION = re.compile(r"\[[^\[\]\n]{1,1000}\]:[ \t]*<?(?:https?://|ftp://|mailto:|tel:|www\.)", re.IGNORECASE)


def definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the library's signature
    """Parse `[label]: address`; what is no address, and a footnote (`[^1]: words`), stays text."""
    begin = state.bMarks[start] + state.tShift[start]
    if state.src.startswith("[^", begin) or not _DEFINITION.match(state.src, begin, state.eMarks[start]):
        return False
    return reference(state, start, end, silent)


def build_parser() -> MarkdownIt:
    """Return a parser of its own, to which rules may be added."""
    parser = MarkdownIt()
    parser.inline = CjkInlineParser()
    # A definition (`[label]: address`) becomes a token of its own instead of vanishing.
    parser.configure("commonmark", {"html": False, "inline_definitions": True})
    parser.enable(["table", "strikethrough"])
    parser.block.ruler.at("reference", definition)
    parser.block.ruler.before("code", "formula_block", formula_block, {"alt": ["paragraph", "blockquote", "list"]})
    parser.inline.ruler.before("escape", "formula", formula)
    parser.inline.ruler.before("autolink", "tag", tag)
    return bound(parser)


def _chat_parser() -> MarkdownIt:
    parser = build_parser()
    parser.options["store_labels"] = True
    return parser


_PARSER = _chat_parser()


def parse(text: str, env: EnvType) -> list[Token]:
    """Return the block tokens, inline content in their children.

    Linear, and within the bounds of `pipeline.text.markdown.bounds`.

    A definition (`[label]: address`) is a token of its own, with its label in `meta`. Sections of one text share
    `env`, which counts the cells of its tables.
    """
    # Definitions hold for their section: those of other sections would be looked up in the whole text.
    env.pop("references", None)
    return _PARSER.parse(text, env)
