"""Cuts one row in two: after a sentence, else after a clause or a word, at worst between two characters."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

import regex  # type: ignore[import-untyped]  # ships no types

from adapters.wecom.rendering.rows import Row, Span

_STOPS = regex.compile(
    r"""(?:
        (?P<sentence> (?: [。！？] | …… | (?: [!?…] | (?<!\d)\. ) (?= [\s"”’」』）)\]】] ) )
                      [。！？!?…]* ["”’」』）)\]】]* \s* )
      | [，、：；]\s* | \s+
    )
    (?! [\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}] )   # a mark belongs to the character before it
    """,
    regex.VERBOSE,
)
_MARK = regex.compile(r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]")
_CHARACTER = regex.compile(r"\X")
_WINDOW = 256


class _Rank(IntEnum):
    """How good a place for a cut is."""

    MARKED_CHARACTER = 1
    CHARACTER = 2
    MARKED_CLAUSE = 3
    MARKED_SENTENCE = 4
    EDGE = 5
    """Beside a markup."""
    CLAUSE = 6
    SENTENCE = 7


@dataclass(frozen=True, slots=True)
class RemainingRow:
    """A row, or what is left of it from one character of one of its spans on."""

    row: Row
    span: int = 0
    start: int = 0

    @property
    def is_begun(self) -> bool:
        """Whether an earlier piece has the row's beginning."""
        return bool(self.span or self.start)

    @property
    def prefix(self) -> str:
        """Return what stands before it."""
        return self.row.hang if self.is_begun else self.row.prefix

    @property
    def gap(self) -> str | None:
        """Return what stands on the empty line above it."""
        return None if self.is_begun else self.row.gap

    def spans(self, most: int) -> Iterator[Span]:
        """Return the spans that are left, of each text no more than `most` characters."""
        for number in range(self.span, len(self.row.spans)):
            span = self.row.spans[number]
            start = self.start if number == self.span else 0
            # One without text has nothing to mark.
            yield Span(text, span.before, span.after) if (text := span.text[start : start + most]) else Span("")

    def write(self, room: int) -> str | None:
        """Write the line, or give None if it is longer than `room` bytes; costs no more than the room."""
        words = ""
        for span in self.spans(room + 1):
            words += str(span)
            if len(words) > room:
                return None
        line = self._line(words)
        return line if len(line.encode()) <= room else None

    def until(self, end: "RemainingRow") -> str:
        """Write the line up to where another rest of the same row begins."""
        words = ""
        for number, span in enumerate(self.row.spans[self.span : end.span + 1], self.span):
            start = self.start if number == self.span else 0
            text = span.text[start : end.start if number == end.span else None]
            if text:
                words += f"{span.before}{text}{span.after}"
        if not self.row.verbatim:
            words = words.rstrip()
        return self._line(words) if words else ""

    def after_space(self) -> "RemainingRow":
        """Return the rest without the white space it begins with, where that is only there to part words."""
        if self.row.verbatim:
            return self
        span, start = self.span, self.start
        while span < len(self.row.spans):
            text = self.row.spans[span].text
            while start < len(text) and text[start].isspace():
                start += 1
            if start < len(text):
                break
            span, start = span + 1, 0
        return RemainingRow(self.row, span, start)

    def _line(self, words: str) -> str:
        if not words:
            return self.prefix.rstrip(" ")
        return f"{self.prefix}{self.guard_of(words)}{words}"

    def guard_of(self, words: str) -> str:
        """Return what must stand before the words if they begin a line."""
        return self.row.guard if words.startswith(("#", ">")) else ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row may be cut; `size` is the bytes of its words before it, markup included."""

    rank: _Rank
    size: int
    rest: RemainingRow


def cut_inside(rest: RemainingRow, room: int, *, at_least: int) -> tuple[str, RemainingRow] | None:
    """Cut after a sentence or a clause outside markup, beyond `at_least` bytes of the line; None if there is none."""
    return _cut(rest, (place for place in _places(rest, room) if place.rank >= _Rank.CLAUSE and place.size >= at_least))


def cut_somewhere(rest: RemainingRow, room: int, *, at_least: int, by_force: bool) -> tuple[str, RemainingRow] | None:
    """Cut at the best place beyond `at_least` bytes, else as late as possible.

    By force even inside a character, which nothing but a character longer than a message needs; without it the
    answer is None when nothing fits.
    """
    places = list(_places(rest, room))
    good = _cut(rest, (place for place in places if place.size >= at_least))
    if good is not None:
        return good
    return _cut(rest, _characters(rest, room, by_force=by_force)) or _cut(rest, places)


def _cut(rest: RemainingRow, places: Iterable[_Place]) -> tuple[str, RemainingRow] | None:
    best = max(places, key=lambda place: (place.rank, place.size), default=None)
    return None if best is None else (rest.until(best.rest), best.rest.after_space())


def _places(rest: RemainingRow, room: int) -> Iterator[_Place]:
    """Return the stops and the edges of markup that fit into the room."""
    room -= _overhead(rest)
    size = 0
    for number, span in enumerate(rest.spans(room + 1), rest.span):
        start = rest.start if number == rest.span else 0
        if size and not _MARK.match(span.text):
            yield _Place(_Rank.EDGE, size, RemainingRow(rest.row, number))
        markup = len(span.before.encode()) + len(span.after.encode())
        size += markup
        done = 0
        for stop in _STOPS.finditer(span.text):
            size += len(span.text[done : stop.end()].encode())
            done = stop.end()
            if size > room:
                return
            rank = _Rank.SENTENCE if stop["sentence"] else _Rank.CLAUSE
            if markup:
                rank = _Rank.MARKED_SENTENCE if stop["sentence"] else _Rank.MARKED_CLAUSE
            yield _Place(rank, size, RemainingRow(rest.row, number, start + done))
        size += len(span.text[done:].encode())
        if size > room:
            return


def _characters(rest: RemainingRow, room: int, *, by_force: bool) -> Iterator[_Place]:
    """Return the last place between two characters that fits, in words without markup if there is one."""
    room -= _overhead(rest)
    size = 0
    for number, span in enumerate(rest.spans(room + 1), rest.span):
        start = rest.start if number == rest.span else 0
        markup = len(span.before.encode()) + len(span.after.encode())
        done, length = 0, 0
        for end in _character_ends(span.text):
            longer = length + len(span.text[done:end].encode())
            if size + markup + longer > room:
                break
            done, length = end, longer
        if by_force and not size and not done:
            done = len(span.text.encode()[: room - markup].decode(errors="ignore"))
        if done:
            rank = _Rank.MARKED_CHARACTER if markup else _Rank.CHARACTER
            yield _Place(rank, size + markup + length, RemainingRow(rest.row, number, start + done))
        if done < len(span.text):
            return
        size += markup + length


def _character_ends(text: str) -> Iterator[int]:
    """Yield where each character ends.

    Looked for in short windows, each from the beginning of a character on: in a long run of flags the library goes back
    to the first for each of them.
    """
    start, wide = 0, _WINDOW
    while start < len(text):
        window = text[start : start + wide]
        ends = [found.end() for found in _CHARACTER.finditer(window)]
        if len(window) == wide:
            # The last may go on behind the window.
            ends.pop()
        if not ends:
            wide *= 2
            continue
        yield from (start + end for end in ends)
        start, wide = start + ends[-1], _WINDOW


def _overhead(rest: RemainingRow) -> int:
    """Return the bytes of the line that are none of its words."""
    begins = next((words for span in rest.spans(1) if (words := str(span))), "")
    return len(f"{rest.prefix}{rest.guard_of(begins)}".encode())
