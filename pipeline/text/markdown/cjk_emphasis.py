"""Inline parsing as models write it: emphasis that Chinese text does not break, and a power that stays a power."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType

from pipeline.text.markdown.bounds import BoundedInline

# Names of Python's that people write without backticks; CommonMark would make the word between strong.
_DUNDER = re.compile(
    r"__(?:all|bases|call|class|closure|code|defaults|del|dict|doc|enter|eq|exit|file|future|getattr|getitem|globals"
    r"|hash|import|init|iter|len|main|module|mro|name|new|next|package|proto|pycache|repr|setattr|slots|str|version)__"
)

_BOLD = len("**")
_NEAR = 200
"""Characters in which another `**` is looked for."""


class CjkInlineState(StateInline):
    """Decides what `*`, `_` and `~~` may open and close.

    CommonMark asks for white space or punctuation beside a marker that touches punctuation, which Chinese does
    not write: in `**注意：**请看` its second `**` closes nothing. Beside a character that is not ASCII it is
    enough here that the marker touches a word.
    """

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: FBT001, N802, N803 - the library's
        """Return what the run of markers at `start` may do."""
        scanned = super().scanDelims(start, canSplitWord)
        end = start + scanned.length
        before = self.src[start - 1] if start else " "
        after = self.src[end] if end < self.posMax else " "
        marker = self.src[start]
        if marker == "_":
            literal = _DUNDER.match(self.src, start) is not None
        else:
            # 2**10, 3*4*5 and src/**/*.py: taken for emphasis, the signs would be gone.
            power = _is_ascii_word(before) and _is_ascii_word(after)
            literal = marker == "*" and (power or (before == "/" and after in {".", "/"}))
            if power and scanned.length == _BOLD and after.isalpha():
                # `**bold**text`: where nothing is open, it stays as literal as the power of `a**b`.
                return Scanned(can_open=False, can_close=not self._closes_later(end), length=_BOLD)
        if literal:
            return Scanned(can_open=False, can_close=False, length=scanned.length)
        if marker == "_" or (before.isascii() and after.isascii()):
            return scanned
        return Scanned(can_open=not after.isspace(), can_close=not before.isspace(), length=scanned.length)

    def _closes_later(self, end: int) -> bool:
        """Whether the next `**` can only close: then the one before it, in a word, is a power in something bold."""
        found = self.src.find("**", end, min(end + _NEAR, self.posMax))
        after = self.src[found + _BOLD : found + _BOLD + 1]
        return found > 0 and not self.src[found - 1].isspace() and (not after or not _is_word(after))


class CjkInlineParser(BoundedInline):
    """Parses inline content over a `CjkInlineState`."""

    def parse_signs(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        """Parse `src` into `tokens`, its signs as what they mean."""
        state = CjkInlineState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _is_ascii_word(character: str) -> bool:
    return character.isascii() and character.isalnum()
