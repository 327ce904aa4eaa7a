"""Writes blocks for typst. Whatever people or models wrote reaches it as strings: there is nothing to inject into."""

import unicodedata
from collections.abc import Iterable, Sequence
from math import sqrt

import regex  # type: ignore[import-untyped]

from exports.pdf.fonts import shown
from exports.pdf.typst_math import typst_math
from exports.writers.blocks import (
    Block,
    Break,
    Coded,
    Display,
    Divider,
    Footnote,
    FootnoteMark,
    Formula,
    Grid,
    Heading,
    Items,
    Linked,
    Listing,
    Paragraph,
    Pictured,
    Quoted,
    Span,
    Styled,
    TextSpan,
    are_tasks,
    plain,
    runs_right_to_left,
)
from exports.writers.characters import breakable, printable, right_to_left
from exports.writers.code import LONGEST_COLOURED
from exports.writers.mathml import math_of

_LONG_WORD = regex.compile(r"[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{P}]{24}|□U\+")
"""What would leave wide gaps in a line that is set to the full width."""
_SIZES = ((5, 9.5), (7, 8.5), (9, 7.5), (12, 6.5))
"""Up to so many columns of a table that is too wide, points of its letters; wider ones of more are set as cards."""
_WIDTH = 470.0
"""Points a table may be wide."""
_NARROW = 10
"""Half-width characters of a column that keeps its own width beside wider ones."""
_BROKEN = 14
"""Half-width characters of a column beside many others: what is longer has more lines."""
_LONG_ROW = 1500
"""Characters of a cell, times its columns, that may leave a row higher than a page."""
_LONG_HEADER = 300
"""Characters of a table's header that is not repeated."""


class TypstMarkup:
    """Writes blocks; with `formulas` False, each formula as it was written.

    `leftward` is whether what is around the blocks runs from right to left, as a list in Arabic does; `listed`,
    whether they stand in a list, beside whose signs a paragraph of another script stays.
    """

    def __init__(self, *, formulas: bool = True, leftward: bool = False, listed: bool = False) -> None:
        self._formulas = formulas
        self._leftward = leftward
        self._listed = listed

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Write blocks, one after the other."""
        return "\n\n".join(map(self.block, blocks))

    def block(self, block: Block) -> str:
        """Write one block, its lines from right to left where its words are."""
        leftward = runs_right_to_left(block)
        if leftward is None or leftward == self._leftward:
            return self._block(block)
        written = TypstMarkup(formulas=self._formulas, leftward=leftward, listed=self._listed).block(block)
        if self._listed and isinstance(block, Paragraph | Heading):
            written = f"#beside[{written}]"
        return directed(written, leftward=leftward)

    def _block(self, block: Block) -> str:  # noqa: PLR0911 (a case each)
        match block:
            case Paragraph(spans):
                return f"#ragged[{self.spans(spans)}]" if _LONG_WORD.search(shown(plain(spans))) else self.spans(spans)
            case Heading(level, spans):
                return f"#head({14.5 - min(level, 4)}pt)[{self.spans(spans)}]"
            case Listing(code, language):
                return _listing(code, language)
            case Display(text, tex):
                return self._display(text, tex)
            case Quoted(inside):
                return f"#quoted({'right' if self._leftward else 'left'})[{self.blocks(inside)}]"
            case Items(None, items) if are_tasks(items):
                return f"#list(marker: none, body-indent: 0pt, {self._items(items)})"
            case Items(None, items):
                return f"#list({self._items(items)})"
            case Items(start, items):
                return f"#enum(start: {start}, {self._items(items)})"
            case Grid():
                return self._table(block)
            case Footnote(label, spans):
                return f"#note({string(label)})[{self.spans(spans)}]"
            case Divider():
                return "#cross()"

    def spans(self, spans: Iterable[Span], columns: int = 1) -> str:
        """Write spans, in a table of so many columns."""
        return "".join(self._span(span, columns) for span in spans)

    def _span(self, span: Span, columns: int) -> str:  # noqa: PLR0911 (a case each)
        match span:
            case TextSpan(text):
                return f"#{string(text, columns)};"
            case Coded(text):
                return f"#inline({string(text, columns)});" if len(text) < 60 and columns == 1 else _raw(text, columns)  # noqa: PLR2004
            case Formula(text, tex):
                found = math_of(tex) if self._formulas else None
                return f"#tex({string(text, columns)});" if found is None else f"${typst_math(found)}$"
            case Break():
                return "#linebreak();"
            case Styled("strong", inside):
                return f"#strong[{self.spans(inside, columns)}];"
            case Styled("em", inside):
                # There is no slanted Chinese: it has dots below.
                style = "emph" if plain(inside).isascii() else "dots"
                return f"#{style}[{self.spans(inside, columns)}];"
            case Styled(_, inside):
                return f"#strike[{self.spans(inside, columns)}];"
            case Linked("", inside):
                return self.spans(inside, columns)
            case Linked(address, inside):
                return f"#link({_quoted(address)})[{self.spans(inside, columns)}];"
            case Pictured(""):
                return f"#{string(span.words, columns)};"
            case Pictured(address):
                return f"#link({_quoted(address)})[#{string(span.words, columns)}];"
            case FootnoteMark(label):
                return f"#super({string(label)});"

    def _items(self, items: Iterable[Sequence[Block]]) -> str:
        inside = TypstMarkup(formulas=self._formulas, leftward=self._leftward, listed=True)
        return ", ".join(f"[{inside.blocks(item)}]" for item in items)

    def _display(self, text: str, tex: str) -> str:
        found = math_of(tex) if self._formulas else None
        return f"#align(center, tex({string(text)}))" if found is None else f"#display[$ {typst_math(found)} $]"

    def _table(self, grid: Grid) -> str:
        columns = len(grid.head)
        natural = _natural(grid)
        if columns > _SIZES[-1][0] and sum(_points([min(width, _BROKEN) for width in natural], _SIZES[-1][1])) > _WIDTH:
            return self._cards(grid)
        size = next((size for _, size in _SIZES if sum(_points(natural, size)) <= _WIDTH), 0.0)
        size = size or next((size for most, size in _SIZES if columns <= most), _SIZES[-1][1])
        header = ", ".join(f"th[{self._cell(cell, columns)}]" for cell in grid.head)
        repeated = sum(len(plain(cell)) for cell in grid.head) <= _LONG_HEADER
        cells = "".join(
            f"{'long' if any(len(plain(cell)) * columns > _LONG_ROW for cell in row) else ''}"
            f"[{self._cell(cell, columns)}],\n"
            for row in grid.rows
            for cell in row
        )
        return (
            f"#sheet({size}pt, ({', '.join(_widths(natural, size))},), ({', '.join(grid.aligned)},),\n"
            f"table.header(repeat: {'true' if repeated else 'false'}, {header}),\n{cells})"
        )

    def _cell(self, spans: Sequence[Span], columns: int) -> str:
        written, leftward = self.spans(spans, columns), right_to_left(plain(spans))
        return written if leftward in {None, self._leftward} else directed(written, leftward=not self._leftward)

    def _cards(self, grid: Grid) -> str:
        """Write a table too wide for any page row by row, each cell beside the head of its column."""
        return "\n\n".join(
            "#cards("
            + ", ".join(f"th[{self._cell(h, 2)}], [{self._cell(c, 2)}]" for h, c in zip(grid.head, row, strict=True))
            + ")"
            for row in grid.rows or (grid.head,)
        )


def directed(written: str, *, leftward: bool) -> str:
    """Return what was written, set from right to left or from left to right."""
    return f"#{'leftward' if leftward else 'rightward'}[{written}]"


def string(text: str, columns: int = 1) -> str:
    """Write a text as typst's string, in lines that fit a table of so many columns."""
    return _quoted(breakable(shown(printable(text)), columns))


def _raw(text: str, columns: int) -> str:
    return f"#raw({string(text, columns)});"


def _listing(code: str, language: str) -> str:
    coloured = f", lang: {_quoted(language)}" if language and len(code) <= LONGEST_COLOURED else ""
    return f"#code({_quoted(language[:20])}, raw({string(code, 0)}, block: true{coloured}))"


def _natural(grid: Grid) -> Sequence[int]:
    """Return how wide each column would like to be, in half-width characters."""
    return [
        max(_width(line) for row in (grid.head, *grid.rows) for line in plain(row[place]).split("\n"))
        for place in range(len(grid.head))
    ]


def _points(natural: Sequence[int], size: float) -> Sequence[float]:
    # As `sheet` sets them: letters, and what is between two columns.
    return [width * size * 0.56 + 2 * min(6.0, size * 0.6) for width in natural]


def _widths(natural: Sequence[int], size: float) -> Sequence[str]:
    """Return each column's width: its own where all fit, else short ones their own and long ones a share."""
    points = _points(natural, size)
    if sum(points) <= _WIDTH:
        return ["auto"] * len(natural)
    least = _points([width if width <= _NARROW else _BROKEN for width in natural], size)
    narrow = sum(least) <= _WIDTH
    # What is long gets more, and not in proportion: a column of ten times the text is not ten times as wide.
    return ["auto" if narrow and width <= _NARROW else f"{sqrt(min(max(width, 5), 120)):.2f}fr" for width in natural]


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line[:400])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "")
    return f'"{escaped}"'
