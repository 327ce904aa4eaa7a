"""Nesting: the lists and quotes around a row, and the prefixes they put before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.wecom.rendering.style import MessageStyle

_BULLETS = "•◦·"
# Ordinary spaces at the beginning of a line do not survive in a chat window, this one does.
_INDENT = "\u3000"


@dataclass(slots=True)
class _Item:
    marker: str
    has_marker: bool = False
    """Whether a row has carried the marker."""


@dataclass(slots=True)
class _List:
    number: int | None
    """The next item's number; None in a list without numbers."""


@dataclass(slots=True, eq=False)
class Quote:
    """A quote; two are never the same, though both be empty."""


@dataclass(slots=True)
class Nesting:
    """The lists and quotes that are open while the tokens are walked."""

    style: MessageStyle
    _open: list[_Item | _List | Quote] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self._open)

    def open_list(self, number: int | None) -> None:
        """Begin a list; `first` is its first item's number, if its items have numbers."""
        self._open.append(_List(number))

    def open_item(self, delimiter: str) -> None:
        """Begin an item of the innermost list; `delimiter` follows its number."""
        lists = [each for each in self._open if isinstance(each, _List)]
        if (number := lists[-1].number) is not None:
            lists[-1].number = number + 1
            marker = f"{number}{delimiter} "
        else:
            depth = sum(each.number is None for each in lists)
            marker = _BULLETS[min(depth, len(_BULLETS)) - 1] + " "
        self._open.append(_Item(marker))

    def tick(self, box: str) -> None:
        """Make the innermost item's marker a box to tick."""
        match self._open[-1:]:
            case [_Item(has_marker=False) as item]:
                item.marker = f"{box} "
            case _:
                pass

    def open_quote(self) -> None:
        """Begin a quote."""
        self._open.append(Quote())

    def close(self) -> None:
        """End the innermost list, item or quote."""
        self._open.pop()

    @property
    def in_fresh_item(self) -> bool:
        """Whether the next row is the first of the innermost item."""
        return bool(self._open) and isinstance(self._open[-1], _Item) and not self._open[-1].has_marker

    @property
    def has_pending_marker(self) -> bool:
        """Whether the next row carries a marker."""
        return any(isinstance(each, _Item) and not each.has_marker for each in self._open)

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """Return the quotes a row is in, the outermost first."""
        return tuple(each for each in self._open if isinstance(each, Quote))

    def before(self, quotes: Sequence[Quote]) -> str:
        """Return what these quotes alone put before a row."""
        return self.style.quote(len(quotes)) if quotes else ""

    def prefixes(self) -> tuple[str, str]:
        """Return what stands before the next row and before the rows under it; markers are told once."""
        first = hang = self.before(self.quotes)
        for each in self._open:
            if isinstance(each, _Item):
                first += _INDENT if each.has_marker else each.marker
                hang += _INDENT
                each.has_marker = True
        return first, hang
