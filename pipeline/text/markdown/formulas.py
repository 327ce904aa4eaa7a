r"""LaTeX among the words: in Unicode where all of a formula has such a form, else kept as it is written.

The tokens' `meta` has the LaTeX itself, and how it was written.

CommonMark would eat the backslash of `\\` and `\{`.
"""

import re

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from pipeline.text.unicode_math import unicode_formula, unicode_formula_lines

# Without any of these CommonMark leaves a formula legible, and "$5" or "\[1\]" need not be one.
_FRAGILE = re.compile(r"[\\_*^<&]")

# What stands between two dollar signs without any of these is a formula only where it can be no price and no variable
# of a shell: `$x$`, `$a = 1$`, `$f(x)$`, `$-2$`.
_SIMPLE = re.compile(r"[A-Za-z](?:['0-9(),+\-=<> ]|(?<![A-Za-z])[A-Za-z])*(?<=[A-Za-z0-9)'])|[+\-]\d+(?:\.\d+)?")

_AMOUNT = re.compile(r"[\d.,_*&<\s]+")

_CLOSERS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_ENVIRONMENT = re.compile(r"\\begin\{((?:align|alignat|eqnarray|equation|gather|multline|cases|[pbvBV]?matrix)\*?)\}")
"""What opens a formula of its own without any other sign around it."""
_LONGEST = 2000
"""Characters one formula among words may have; what opens and does not close costs no more than this."""
_MOST_LINES = 40
"""Lines a formula of its own may have."""


def formula(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the library's signature of a rule
    r"""Parse `$…$`, `$$…$$`, `\(…\)` or `\[…\]` into one token."""
    start = state.pos
    if state.src[start] not in "$\\":
        return False
    closer = _CLOSERS.get(state.src[start : start + 2])
    if closer is not None:
        inner = start + 2
        end = state.src.find(closer, inner, min(inner + _LONGEST, state.posMax))
    else:
        if state.src[start] != "$":
            return False
        closer, inner = "$", start + 1
        end = state.src.find(closer, inner, min(inner + _LONGEST, state.posMax))
        # As Pandoc has it: "$20 and $30" are prices.
        if end > inner and (
            state.src[inner].isspace()
            or state.src[end - 1].isspace()
            or "\n" in state.src[inner:end]
            or state.src[end + 1 : end + 2].isdigit()
        ):
            return False
    if not _is_formula(state.src, inner, end, closer):
        return False
    if not silent:
        written = state.src[start : end + len(closer)]
        token = state.push("formula", "", 0)
        token.content = unicode_formula(state.src[inner:end]) or written
        token.meta = {"latex": state.src[inner:end].strip(), "written": written}
    state.pos = end + len(closer)
    return True


def _is_formula(source: str, start: int, end: int, closer: str) -> bool:
    if end <= start or (closer == "$" and _AMOUNT.fullmatch(source, start, end)):
        return False
    if _FRAGILE.search(source, start, end) is not None:
        return True
    after = source[end + 1 : end + 2]
    return (
        closer == "$"
        and _SIMPLE.fullmatch(source, start, end) is not None
        and not (after.isascii() and after.isalnum())
    )


def formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    r"""Parse lines from one that begins with `$$`, `\[` or `\begin{align}` to the one that ends with its like."""
    first = _line(state, start)
    named = _ENVIRONMENT.match(first)
    closer = _CLOSERS.get(first[:2]) if named is None else rf"\end{{{named[1]}}}"
    if closer is None or first.startswith(r"\(") or state.is_code_block(start):
        return False
    last = start
    while not (_line(state, last).endswith(closer) and (last > start or len(first) > len(closer) * 2)):
        last += 1
        if last >= min(end, start + _MOST_LINES) or state.sCount[last] < state.blkIndent:
            return False
        if _line(state, last).startswith(r"\["):
            return False
    if last == start and not _FRAGILE.search(first, len(closer), len(first) - len(closer)):
        return False
    if not silent:
        token = state.push("formula_block", "", 0)
        written = state.getLines(start, last + 1, state.blkIndent, keepLastLF=False)
        inner = written.strip() if named else written.strip()[len(closer) : -len(closer)]
        token.content = unicode_formula_lines(inner) or written
        token.meta = {"latex": inner.strip(), "written": written.strip()}
        token.map = [start, last + 1]
        state.line = last + 1
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
