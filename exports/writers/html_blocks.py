"""Writes blocks as HTML that cannot do anything: no script, no frame, nothing fetched."""

from collections.abc import Iterable
from html import escape
from typing import Literal

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
)
from exports.writers.characters import printable
from exports.writers.code import coloured
from exports.writers.mathml import math_of

Scrolled = Literal["table", "code", "formula"]

_LONG = 14
"""Characters of a cell that is given more than a word's width."""
_SHORT = 8
"""Characters of a cell that is not broken."""


class HtmlMarkup:
    """Plain HTML, as a browser shows it; what a page of paper needs otherwise, a subclass says."""

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Write blocks, one after the other."""
        return "".join(map(self.block, blocks))

    def block(self, block: Block) -> str:  # noqa: PLR0911 (a case each)
        """Write one block."""
        match block:
            case Paragraph(spans):
                return f"<p>{self.spans(spans)}</p>"
            case Heading(level, spans):
                # The headings of the document are its conversations; those of a message only look like headings.
                return f'<p class="h{level}">{self.spans(spans)}</p>'
            case Listing(code, language):
                return self.listing(code, language)
            case Display(text, tex):
                return self.formula(text, tex, display=True)
            case Quoted(inside):
                return f'<blockquote dir="auto">{self.blocks(inside)}</blockquote>'
            case Items(start, items):
                return self.items(start, items)
            case Grid():
                return self.grid(block)
            case Divider():
                return self.divider()
            case Footnote(label, spans):
                return f'<p class="note"><sup>{self.words(label)}</sup> {self.spans(spans)}</p>'

    def spans(self, spans: Iterable[Span]) -> str:
        """Write spans, one after the other."""
        return "".join(map(self.span, spans))

    def span(self, span: Span) -> str:  # noqa: PLR0911 (a case each)
        """Write one span."""
        match span:
            case TextSpan(text):
                return self.words(text)
            case Coded(text):
                return f"<code>{self.words(text)}</code>"
            case Formula(text, tex):
                return self.formula(text, tex, display=False)
            case FootnoteMark(label):
                return f"<sup>{self.words(label)}</sup>"
            case Break():
                return "<br/>"
            case Styled(style, inside):
                return f"<{style}>{self.spans(inside)}</{style}>"
            case Linked("", inside):
                return self.spans(inside)
            case Linked(address, inside):
                return f'<a href="{escape(address)}">{self.spans(inside)}</a>'
            case Pictured(""):
                return self.words(span.words)
            case Pictured(address):
                return f'<a href="{escape(address)}">{self.words(span.words)}</a>'

    def formula(self, text: str, tex: str, *, display: bool) -> str:
        """Write a formula, as it was written where it is not understood."""
        found = math_of(tex)
        if found is None:
            words = self.lines(text)
            return f'<p class="formula">{words}</p>' if display else f'<span class="formula">{words}</span>'
        if display:
            attributes = self.scrolled("formula", len(text))
            return f'<div class="display"{attributes}><math display="block">{found.inside()}</math></div>'
        return f"<math>{found.inside()}</math>"

    def scrolled(self, kind: Scrolled, width: int) -> str:  # noqa: ARG002 (paper does not scroll)
        """Return the attributes of a block of so many characters that may be wider than its page."""
        return ""

    def words(self, text: str) -> str:
        """Write characters; what no page can show is named."""
        return escape(printable(text), quote=False)

    def lines(self, text: str) -> str:
        """Write characters with their line breaks."""
        return "<br/>".join(map(self.words, text.split("\n")))

    def divider(self) -> str:
        """Draw a line across."""
        return "<hr/>"

    def listing(self, code: str, language: str) -> str:
        """Write lines of code."""
        attributes = self.scrolled("code", max(map(len, code.split("\n"))))
        return f"<pre{attributes}><code>{coloured(code, language)}</code></pre>"

    def items(self, start: int | None, items: tuple[tuple[Block, ...], ...]) -> str:
        """Write a list."""
        inside = "".join(f"<li>{self.item(item)}</li>" for item in items)
        if start is None:
            return (
                f'<ul class="tasks" dir="auto">{inside}</ul>' if are_tasks(items) else f'<ul dir="auto">{inside}</ul>'
            )
        return f'<ol dir="auto">{inside}</ol>' if start == 1 else f'<ol dir="auto" start="{start}">{inside}</ol>'

    def item(self, item: tuple[Block, ...]) -> str:
        """Write a list's item; one of a single paragraph without the air around it."""
        match item:
            case (Paragraph(spans), *rest):
                return self.spans(spans) + self.blocks(rest)
            case _:
                return self.blocks(item)

    def in_columns(self, columns: int) -> "HtmlMarkup":  # noqa: ARG002 (a browser scrolls to them)
        """Return what writes the cells of a table of so many columns."""
        return self

    def grid(self, grid: Grid) -> str:
        """Write a table."""
        cells = self.in_columns(len(grid.head))
        head = "".join(
            f'<th style="text-align:{a}">{cells.spans(c)}</th>' for c, a in zip(grid.head, grid.aligned, strict=True)
        )
        # Where a phone lets a table be moved sideways, what is long needs not be a column of single words.
        rows = "".join(
            "<tr>"
            + "".join(
                f'<td{_cell_class(len(plain(c)))} style="text-align:{a}">{cells.spans(c)}</td>'
                for c, a in zip(row, grid.aligned, strict=True)
            )
            + "</tr>"
            for row in grid.rows
        )
        widths = (max(len(plain(row[place])) for row in (grid.head, *grid.rows)) for place in range(len(grid.head)))
        attributes = self.scrolled("table", sum(width + 3 for width in widths)) + ' dir="auto"'
        return (
            f'<div class="table"{attributes}><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        )


def _cell_class(length: int) -> str:
    return ' class="short"' if length <= _SHORT else ' class="long"' if length > _LONG else ""
