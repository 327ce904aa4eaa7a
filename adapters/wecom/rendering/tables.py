"""Tables where no table can be shown: lines that keep their columns when they are short, cards when they are not."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import regex  # type: ignore[import-untyped]  # ships no types

from adapters.wecom.rendering.inline_runs import InlineRun, Line
from adapters.wecom.rendering.rows import Frame, Row, Span
from adapters.wecom.rendering.style import MessageStyle

Cell = tuple[Line, ...]

_WIDEST = 36
"""What one line of a chat bubble on a phone holds, in half-width characters."""
_WIDEST_HEADER = 60
"""What a header that is repeated may have of it."""
_LONGEST_FRAME = 200
"""UTF-8 bytes of such a header, the addresses of its links among them."""

_BETWEEN = InlineRun("｜")
_NOTHING = (InlineRun("—"),)
_TERM_AND_MEANING = 2
_WIDE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A header and the rows under it, all with as many cells."""

    header: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]


def table_rows(table: TableBlock, style: MessageStyle) -> list[Row]:
    """Return a table's rows, such that each piece they are cut into names its columns."""
    if not table.rows:
        return [Row(style.header(_joined(table.header)), whole=True)]
    one_line = all(len(cell) <= 1 for cells in (table.header, *table.rows) for cell in cells)
    if one_line and all(_width(cells, style) <= _WIDEST for cells in (table.header, *table.rows)):
        return list(_lines(table, style))
    if len(table.header) == _TERM_AND_MEANING and _width(table.header, style) <= _WIDEST_HEADER:
        return list(_terms(table, style))
    return list(_cards(table, style))


def _lines(table: TableBlock, style: MessageStyle) -> Iterator[Row]:
    """Write each row as a line."""
    header, frame = _header(table, style)
    yield from header
    for cells in table.rows:
        yield Row(
            style.line(_joined([cell or (_NOTHING,) for cell in cells])), frame=frame, whole=True, guard=style.guard
        )


def _terms(table: TableBlock, style: MessageStyle) -> Iterator[Row]:
    """Write a table of two columns as terms and what is said of each."""
    header, frame = _header(table, style)
    yield from header
    colon = _colon(table)
    for term, meaning in table.rows:
        for row in _labelled(tuple(replace(run, bold=True) for run in _one(term)), meaning, style, colon):
            yield replace(row, frame=frame)


def _cards(table: TableBlock, style: MessageStyle) -> Iterator[Row]:
    """Write each row as some lines, every one with its column's name."""
    colon = _colon(table)
    for number, cells in enumerate(table.rows):
        for place, (name, cell) in enumerate(zip(table.header, cells, strict=True)):
            label = tuple(replace(run, bold=False) for run in _one(name))
            if place:
                yield from _labelled(label, cell, style, colon)
            else:
                spans = style.header((*_with_colon(label, colon), *(_one(cell) or _NOTHING)))
                yield Row(spans, gap="" if number else None, leads=True, guard=style.guard)


def _labelled(label: Line, cell: Cell, style: MessageStyle, colon: str) -> Iterator[Row]:
    first, *others = cell or (_NOTHING,)
    yield Row(style.line((*_with_colon(label, colon), *first)), guard=style.guard)
    for line in others:
        yield Row((Span("\u3000"), *style.line(line)))


def _header(table: TableBlock, style: MessageStyle) -> tuple[list[Row], Frame | None]:
    """Write the header as a frame that each piece repeats, or, if it is long, as a row that stands once."""
    if not any(table.header):
        return [], None
    spans = style.header(_joined(table.header))
    above = "".join(map(str, spans))
    if len(above.encode()) > _LONGEST_FRAME:
        return [Row(spans, leads=True)], None
    return [], Frame(above)


def _joined(cells: Sequence[Cell]) -> Line:
    return tuple(run for cell in cells for run in (_BETWEEN, *_one(cell)))[1:]


def _one(cell: Cell) -> Line:
    """Return a cell as one line."""
    return tuple(run for line in cell for run in (InlineRun(" "), *line))[1:]


def _colon(table: TableBlock) -> str:
    """Return what parts a label from its text: where the table has Chinese in it, the Chinese colon."""
    texts = (run.text for cells in (table.header, *table.rows) for cell in cells for line in cell for run in line)
    return "：" if any(_WIDE.search(text) for text in texts) else ":"


def _with_colon(label: Line, colon: str) -> Line:
    space = (InlineRun(" "),) if colon.isascii() else ()
    if not label:
        return label
    if label[-1].text.endswith(("：", ":")):
        return (*label, *space)
    last = label[-1]
    return (*label, InlineRun(colon, bold=last.bold and not (last.code or last.href or last.colour)), *space)


def _width(cells: Sequence[Cell], style: MessageStyle) -> int:
    text = "".join(span.text for span in style.line(_joined(cells)))
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
