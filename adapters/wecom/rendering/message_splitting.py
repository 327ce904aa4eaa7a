"""Cuts rows into messages: at a paragraph, else a line, else a sentence, and never inside what is one character."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.wecom.rendering.line_splitting import RemainingRow, cut_inside, cut_somewhere
from adapters.wecom.rendering.rows import Frame, Row
from pipeline.text.unicode import is_visible

MESSAGE_BYTES = 2048
"""What a text or markdown message holds, in UTF-8 bytes; WeCom drops the rest silently (wecom-protocol.md 4)."""

_LEAST_ROOM = 16
"""Bytes for words that a line has left on a piece of its own, so that every cut takes something: four characters."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A line of the piece that is being filled; `size` is the piece's, in bytes, up to and with this line."""

    rest: RemainingRow
    text: str
    size: int

    @property
    def frame(self) -> Frame | None:
        return self.rest.row.frame

    @property
    def closed_size(self) -> int:
        """Return the piece's size, in bytes, if it ends here."""
        return self.size + _closing(self.frame)


def pieces(rows: Iterable[Row], limit: int = MESSAGE_BYTES) -> Iterator[str]:
    """Return messages of at most `limit` bytes, of which none is empty; `limit` is at least 100.

    A fence that is cut is closed, and opened again on the next piece; so is bold, a link or a colour. A table's
    header is repeated, a quote stays one. The cost is linear, and nothing is read ahead of the piece. Every piece takes
    at least one row or one character.
    """
    coming = iter(rows)
    waiting: deque[RemainingRow] = deque()
    held: list[_Held] = []
    while True:
        if waiting:
            rest = waiting.popleft()
        else:
            row = next(coming, None)
            if row is None:
                break
            rest = RemainingRow(row if row.leaves(_LEAST_ROOM, limit) else row.bare())
        used = _opened(held, rest)
        text = rest.write(limit - used - _closing(rest.row.frame))
        if text is not None:
            held.append(_Held(rest, text, used + len(text.encode())))
            continue
        held, left = _parted(held, rest, limit)
        waiting.extendleft(reversed(left))
        yield from _piece(held)
        held = []
    yield from _piece(held)


def number_bytes(pieces: int) -> int:
    """Return the bytes that `numbered` adds to one of so many pieces, at most."""
    return len(f"\n\n({pieces}/{pieces})")


def numbered(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the pieces with `(1/3)` below each, one alone without."""
    if len(parts) == 1:
        return tuple(parts)
    return tuple(f"{part}\n\n({number}/{len(parts)})" for number, part in enumerate(parts, 1))


def _parted(held: list[_Held], rest: RemainingRow, limit: int) -> tuple[list[_Held], list[RemainingRow]]:
    """Return what the piece keeps when `rest` does not fit into it as well, and what goes to the next."""
    alone = rest.write(limit - _opened([], rest) - _closing(rest.row.frame)) is not None
    used = _opened(held, rest)
    room = limit - used - _closing(rest.row.frame)
    place = _break(held, rest, limit // 2, paragraph=True) or _break(held, rest, limit // 2, paragraph=False)
    if place:
        return _split(held, rest, place)
    cut = None
    if not (alone and rest.row.whole):
        cut = cut_inside(rest, room, at_least=limit // 2 - used)
    if cut is None and alone:
        place = _break(held, rest, 0, paragraph=False)
        if place:
            return _split(held, rest, place)
    cut = cut or cut_somewhere(rest, room, at_least=limit // 4 - used, by_force=not held)
    if cut is None:
        return _split(held, rest, len(held))
    text, left = cut
    return [*held, _Held(rest, text, used + len(text.encode()))] if text else held, [left]


def _split(held: list[_Held], rest: RemainingRow, place: int) -> tuple[list[_Held], list[RemainingRow]]:
    return held[:place], [*(line.rest for line in held[place:]), rest]


def _break(held: list[_Held], rest: RemainingRow, at_least: int, *, paragraph: bool) -> int:
    """Return the last place between two lines where a piece may end, 0 for none; a heading ends no piece."""
    below = rest
    for place in range(len(held), 0, -1):
        line = held[place - 1]
        if line.closed_size < at_least:
            break
        parts = below.gap is not None or (line.rest.row.verbatim and not line.text.strip())
        if not line.rest.row.leads and (parts or not paragraph):
            return place
        below = line.rest
    return 0


def _opened(held: Sequence[_Held], rest: RemainingRow) -> int:
    """Return the bytes a piece has before the words of the line that is added to it."""
    frame = rest.row.frame
    if not held:
        return _above(frame)
    last = held[-1]
    used = last.size + 1
    if rest.gap is not None:
        used += len(rest.gap.encode()) + 1
    return used if frame is last.frame else used + _closing(last.frame) + _above(frame)


def _above(frame: Frame | None) -> int:
    return 0 if frame is None else len(frame.above.encode()) + 1


def _closing(frame: Frame | None) -> int:
    return 0 if frame is None or not frame.below else len(frame.below.encode()) + 1


def _piece(held: Sequence[_Held]) -> Iterator[str]:
    """Return the piece, unless nobody could see it."""
    if not any(is_visible(line.text) for line in held):
        return
    lines: list[str] = []
    frame: Frame | None = None
    for line in held:
        if frame is not None and frame.below and frame is not line.frame:
            lines.append(frame.below)
        if lines and line.rest.gap is not None:
            lines.append(line.rest.gap)
        if line.frame is not None and frame is not line.frame:
            lines.append(line.frame.above)
        frame = line.frame
        lines.append(line.text)
    if frame is not None and frame.below:
        lines.append(frame.below)
    yield "\n".join(lines)
