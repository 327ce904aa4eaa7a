"""Characters that need care on paper: controls, emoji, and words longer than a line."""

from functools import cache

import regex  # type: ignore[import-untyped]

ZERO_WIDTH_SPACE = "\u200b"

_UNSEEN = dict.fromkeys([0x202A, 0x202B, 0x202C, *range(0x2066, 0x206A), 0xFEFF])
"""They set directions, which a page works out for itself, or mark the order of bytes."""

_UNPRINTABLE = regex.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202d\u202e\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
"""Controls; the two of them that turn round what follows, which then no longer reads as it was said, among them."""

_LINE_END = regex.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
"""What Python or a PDF library takes for the end of a line, besides a newline."""

_ONE = r"\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F)?"
EMOJI = regex.compile(rf"(?:\p{{RI}}\p{{RI}}|{_ONE}(?:\u200D{_ONE})*|[0-9#*]\uFE0F?\u20E3)+")
"""Runs of emoji, each with its modifiers."""

_STRONG = regex.compile(r"[\p{Bidi_Class=L}\p{Bidi_Class=R}\p{Bidi_Class=AL}]")
_RIGHT_TO_LEFT = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}]")

_LONGEST = 40
"""Characters without a space that a line takes."""

_LONGEST_OF_CODE = 80

_PIECE = 256


def printable(text: str) -> str:
    """Return a text with a box and the code point for each control character, which no page can show.

    Its lines end with newlines alone: any other line end would open a new line where a caller replaces newlines only.
    """
    return str(_UNPRINTABLE.sub(lambda found: boxed(found[0]), newlines(text).translate(_UNSEEN))).expandtabs(4)


def boxed(character: str) -> str:
    """Return what stands for a character that cannot be shown."""
    return f"□U+{ord(character):04X}"


def newlines(text: str) -> str:
    """Return a text whose lines end with newlines, whatever ended them before."""
    return str(_LINE_END.sub("\n", text))


def right_to_left(text: str) -> bool | None:
    """Whether the first letter of a text is of a script that runs from right to left; None where there is no letter.

    Browsers read `dir="auto"` in the same way (Unicode Standard Annex 9, rules P2 and P3).
    """
    found = _STRONG.search(text)
    return None if found is None else _RIGHT_TO_LEFT.match(found[0]) is not None


def breakable(text: str, columns: int = 1) -> str:
    """Allow a run of characters without a space to be broken into lines; the breaks are of no width.

    `columns` are those of the table it stands in: its lines are the shorter. Code has none, and longer lines.
    """
    longest = min(_LONGEST, max(8, 2 * _LONGEST // columns)) if columns else _LONGEST_OF_CODE
    step = longest // 2

    def broken(found: "regex.Match[str]") -> str:
        clusters = _clusters(found[0])
        return ZERO_WIDTH_SPACE.join("".join(clusters[place : place + step]) for place in range(0, len(clusters), step))

    return str(_run(longest).sub(broken, text))


def _clusters(text: str) -> list[str]:
    """Return the characters of a text as a reader counts them."""
    clusters: list[str] = []
    start = 0
    while start < len(text):
        # The library looks back over all flags before one: piece by piece it is linear.
        piece = text[start : start + _PIECE]
        found = regex.findall(r"\X", piece)
        if start + _PIECE < len(text) and len(found) > 1:
            found.pop()
        clusters += found
        start += sum(map(len, found))
    return clusters


@cache
def _run(longest: int) -> "regex.Pattern[str]":
    return regex.compile(rf"[^\s\p{{Han}}\p{{Hiragana}}\p{{Katakana}}\p{{Hangul}}\u200b]{{{longest + 1},}}")
