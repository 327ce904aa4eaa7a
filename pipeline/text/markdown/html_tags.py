"""The HTML that is understood: `<font color="…">` of WeCom's markdown, `<br>`, a cell's only break, and scripts."""

import re

from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from pipeline.text.unicode_math import unicode_script

_TAG = re.compile(
    r"""<(?:(?P<br>br)\s*/?|font\s+color=(?P<quote>["']?)(?P<colour>info|comment|warning)(?P=quote)\s*|(?P<end>/font))>""",
    re.IGNORECASE,
)

_SCRIPT = re.compile(r"<(su[bp])>([^<>\s]{1,20})</\1>", re.IGNORECASE)
"""Raised or lowered characters, as in `H<sub>2</sub>O`, which is shown as H₂O."""


def tag(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the library's signature of a rule
    """Parse one tag; every other tag stays the text it is."""
    if state.src[state.pos] != "<":
        return False
    script = _SCRIPT.match(state.src, state.pos)
    if script is not None and (shown := unicode_script(script[1], script[2])):
        if not silent:
            state.push("text", "", 0).content = shown
        state.pos = script.end()
        return True
    found = _TAG.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        if found["br"]:
            state.push("hardbreak", "br", 0)
        else:
            token = state.push("colour_close" if found["end"] else "colour_open", "font", 0)
            token.content = found[0]
            token.info = (found["colour"] or "").lower()
    state.pos = found.end()
    return True


def paired(tokens: list[Token]) -> list[Token]:
    """Return the tokens with every colour that does not end, and every end that ends nothing, turned into text."""
    opened: Token | None = None
    for token in tokens:
        if token.type == "colour_open":
            if opened is not None:
                opened.type = "text"
            opened = token
        elif token.type == "colour_close":
            if opened is None:
                token.type = "text"
            opened = None
    if opened is not None:
        opened.type = "text"
    return tokens
