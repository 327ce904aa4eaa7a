"""How many tokens words are, by estimate: a provider's own table would have to be downloaded at run time."""

from collections.abc import Sequence

from pipeline.answer import Exchange

# Chinese and its neighbours, 0.65 tokens a character; everything else about a quarter. Measured on usage reports
# of several providers, and rather too many than too few.
_WIDE = 0x2E80
_WIDE_TOKENS = 0.65
_NARROW_TOKENS = 0.27
_MESSAGE = 4
"""What a message costs beside its words."""


def estimate(text: str) -> int:
    """Return the tokens of a text, rounded up."""
    wide = sum(ord(character) >= _WIDE for character in text)
    return int(wide * _WIDE_TOKENS + (len(text) - wide) * _NARROW_TOKENS) + 1


def fitting(exchanges: Sequence[Exchange], most: int | None) -> tuple[Exchange, ...]:
    """Return the latest exchanges that together have at most so many tokens; None for any number."""
    if most is None:
        return tuple(exchanges)
    left = most
    kept: list[Exchange] = []
    for exchange in reversed(exchanges):
        left -= estimate(exchange.question) + estimate(exchange.answer) + 2 * _MESSAGE
        if left < 0:
            break
        kept.append(exchange)
    return tuple(reversed(kept))
