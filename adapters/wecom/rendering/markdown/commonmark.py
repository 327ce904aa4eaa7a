"""Parses replies: CommonMark with GFM's tables and strikethrough, HTML read as text, within bounds."""

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.token import Token
from markdown_it.utils import EnvType

from adapters.wecom.rendering.markdown.cjk_emphasis import CjkInlineParser
from adapters.wecom.rendering.markdown.formulas import formula, formula_block
from adapters.wecom.rendering.markdown.html_tags import tag
from pipeline.text.markdown import bound


def definition(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the library's signature
    """Read `[label]: address`; a footnote, `[^1]: words`, stays the words that CommonMark would take for an address."""
    if state.src.startswith("[^", state.bMarks[start] + state.tShift[start]):
        return False
    return reference(state, start, end, silent)


def _parser() -> MarkdownIt:
    parser = MarkdownIt()
    parser.inline = CjkInlineParser()
    parser.configure("commonmark", {"html": False, "inline_definitions": True})
    parser.options["store_labels"] = True
    parser.enable(["table", "strikethrough"])
    parser.block.ruler.at("reference", definition)
    parser.block.ruler.before("code", "formula_block", formula_block, {"alt": ["paragraph", "blockquote", "list"]})
    parser.inline.ruler.before("escape", "formula", formula)
    parser.inline.ruler.before("autolink", "tag", tag)
    return bound(parser)


_PARSER = _parser()


def parse(text: str, env: EnvType) -> list[Token]:
    """Return the block tokens, inline content in their children.

    Linear, and within the bounds of `pipeline.text.markdown`.

    A definition (`[label]: address`) is a token of its own, with its label in `meta`. Sections of one text share
    `env`, which counts the cells of its tables.
    """
    # Definitions hold for their section: those of other sections would be looked up in the whole text.
    env.pop("references", None)
    return _PARSER.parse(text, env)
