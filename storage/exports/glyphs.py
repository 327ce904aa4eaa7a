"""Characters that need care on paper: controls, emoji, and words longer than a line."""

import regex  # type: ignore[import-untyped]

ZERO_WIDTH_SPACE = "\u200b"

_CONTROLS = dict.fromkeys([*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF])

_ONE = r"\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F)?"
EMOJI = regex.compile(rf"(?:\p{{RI}}\p{{RI}}|{_ONE}(?:\u200D{_ONE})*|[0-9#*]\uFE0F?\u20E3)+")
"""Runs of emoji, each with its modifiers."""

_RUN = regex.compile(r"[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\u200b]{41,}")
_STEP = 20


def printable(text: str) -> str:
    """Take out control characters, which no page can show and some tools choke on."""
    return text.translate(_CONTROLS).expandtabs(4)


def breakable(text: str) -> str:
    """Let a run of characters without a space be broken into lines; the breaks are of no width."""
    return str(_RUN.sub(_broken, text))


def _broken(found: "regex.Match[str]") -> str:
    clusters = regex.findall(r"\X", found[0])
    steps = ("".join(clusters[place : place + _STEP]) for place in range(0, len(clusters), _STEP))
    return ZERO_WIDTH_SPACE.join(steps)
