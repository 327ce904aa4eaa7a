"""Follows a JSON value that comes in pieces, so that its end is known without reading it again with each piece."""

import re
from typing import Literal

_SIGN = re.compile(r'["{}\[\]]')
_STRING_SIGN = re.compile(r'["\\]')
_WORDS = frozenset({"null", "true", "false", "None"})
_MOST_OF_A_WORD = 5


class JsonProgress:
    """Where a JSON value has got to; each of its signs is looked at once, however many pieces it comes in.

    Whether the value is valid is for a parser to say. Numbers have no end of their own and stay `open`.
    """

    def __init__(self) -> None:
        self.state: Literal["open", "ended", "exceeded"] = "open"
        """Whether the value goes on, has ended, or is followed by more than white space."""
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._word = ""

    def feed(self, piece: str) -> None:
        """Read one more piece."""
        at = 0
        while at < len(piece) and self.state == "open":
            at = self._read_string(piece, at) if self._in_string else self._read_sign(piece, at)
        if self.state == "ended" and piece[at:].strip():
            self.state = "exceeded"

    def _read_string(self, piece: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        sign = _STRING_SIGN.search(piece, at)
        if sign is None:
            return len(piece)
        self._escaped = sign[0] == "\\"
        if sign[0] == '"':
            self._in_string = False
            self._end_if_outermost()
        return sign.end()

    def _read_sign(self, piece: str, at: int) -> int:
        sign = _SIGN.search(piece, at)
        before = sign.start() if sign is not None else len(piece)
        if not self._depth and len(self._word) <= _MOST_OF_A_WORD:
            self._word += piece[at:before].strip()[: _MOST_OF_A_WORD + 1]
            if self._word in _WORDS:
                self.state = "ended"
        if sign is None or self.state == "ended":
            return before
        match sign[0]:
            case '"':
                self._in_string = True
            case "{" | "[":
                self._depth += 1
            case _:
                self._depth -= 1
                self._end_if_outermost()
        return sign.end()

    def _end_if_outermost(self) -> None:
        if self._depth <= 0:
            self.state = "ended"
