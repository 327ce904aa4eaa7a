"""Rows as lines of a terminal, each column as wide as its widest cell; Chinese takes two places a character."""

from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width


def format_columns(rows: Sequence[Sequence[str]], *, numbers_from: int | None = None) -> Iterator[str]:
    """Return the lines; columns from `numbers_from` on stand at the right."""
    # A cell is one line, whatever people wrote.
    rows = [[" ".join(cell.splitlines()) for cell in row] for row in rows]
    widths = [max(width(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = []
        for place, (cell, most) in enumerate(zip(row, widths, strict=True)):
            space = " " * (most - width(cell))
            cells.append(space + cell if numbers_from is not None and place >= numbers_from else cell + space)
        yield "  ".join(cells).rstrip()


def width(text: str) -> int:
    """Return how many places a text takes."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
