"""Writes to terminals that cannot show every character: what GBK or Latin-1 lack becomes what they have."""

import codecs
from typing import TextIO

_HANDLER = "webot.nearest"
_NEAREST = {
    "✓": "√+",
    "✗": "×x",
    "→": "->",
    "…": "...",
    "—": "--",
    "–": "-",
    "·": "-",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "•": "-",
    "─": "-",
    "━": "-",
    "│": "|",
}
_EITHER = frozenset("✓✗")


def write_what_terminals_show(*streams: TextIO) -> None:
    """Make streams write the nearest characters they can, instead of failing half-way through a table."""
    codecs.register_error(_HANDLER, _nearest)
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and codecs.lookup(stream.encoding or "ascii").name != "utf-8":
            reconfigure(errors=_HANDLER)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_one(letter, error.encoding) for letter in lost), error.end


def _one(letter: str, encoding: str) -> str:
    nearest = _NEAREST.get(letter, "?")
    if letter not in _EITHER:
        return nearest
    try:
        nearest[0].encode(encoding)
    except UnicodeEncodeError:
        return nearest[1]
    return nearest[0]
