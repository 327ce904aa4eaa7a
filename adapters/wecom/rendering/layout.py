"""Lays a reply out: CommonMark's blocks become rows, written as one message format does."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markdown_it.token import Token
from markdown_it.utils import EnvType

from adapters.wecom.rendering.chunking import sections
from adapters.wecom.rendering.inline_runs import InlineRun, Line, lines
from adapters.wecom.rendering.nesting import Nesting, Quote
from adapters.wecom.rendering.rows import Row, Span
from adapters.wecom.rendering.style import RULE, MessageStyle
from adapters.wecom.rendering.tables import TableBlock, table_rows
from pipeline.text.markdown.commonmark import parse

_TASK = re.compile(r"\[([ xX])\]\s+(?=\S)")
_INFO = re.compile(r"(?:[!-_a-~]{1,32}(?:\s+(?:[\w-]+=\S*|\{[^{}]*\}))*)?", re.ASCII)
"""What stands behind a fence: a language, and options for who colours it."""
_BOXES = {" ": "☐", "x": "☑", "X": "☑"}

_Gap = Literal["as written", "empty line", "none"]


def rows(text: str, style: MessageStyle) -> Iterator[Row]:
    """Return the rows of a clean text, section after section, so that nobody pays for what is not wanted."""
    env: EnvType = {}
    for number, section in enumerate(sections(text)):
        laid_out = _Walk(section.text, style, env).rows() if section.is_markup else _words_alone(section.text, style)
        for place, row in enumerate(laid_out):
            yield replace(row, gap="") if number and not place and section.apart else row


def rows_as_written(text: str, style: MessageStyle) -> Iterator[Row]:
    """Return the lines of a text that says nothing but by its signs, such as a lone "#"."""
    for line in text.strip().split("\n"):
        yield Row((Span(line),), guard=style.guard)


def _words_alone(text: str, style: MessageStyle) -> Iterator[Row]:
    for line in text.split("\n"):
        yield Row(style.line((InlineRun(line),)), guard=style.guard)


@dataclass(frozen=True, slots=True)
class _Above:
    """The latest block, as far as the gap below it depends on it."""

    gap: _Gap
    quotes: tuple[Quote, ...]


class _Walk:
    """One pass over the tokens of one section."""

    def __init__(self, text: str, style: MessageStyle, env: EnvType) -> None:
        self._style = style
        self._tokens = parse(text, env)
        self._source = text.split("\n")
        self._around = Nesting(style)
        self._above: _Above | None = None
        # A definition whose label is used is seen in the link; any other would be seen nowhere.
        self._seen = {
            child.meta["label"] for token in self._tokens for child in token.children or () if "label" in child.meta
        }

    def rows(self) -> Iterator[Row]:
        """Return the rows of every block."""
        tokens = iter(self._tokens)
        for token in tokens:
            match token.type:
                case "bullet_list_open":
                    self._around.open_list(None)
                case "ordered_list_open":
                    self._around.open_list(int(token.attrs.get("start", 1)))
                case "list_item_open":
                    self._around.open_item(token.markup)
                case "blockquote_open":
                    self._around.open_quote()
                case "bullet_list_close" | "ordered_list_close" | "blockquote_close":
                    self._around.close()
                case "list_item_close":
                    if self._around.in_fresh_item:
                        yield from self._placed([Row(())], None)
                    self._around.close()
                case "heading_open":
                    yield from self._heading(token, next(tokens))
                case "table_open":
                    yield from self._table(token, tokens)
                case _:
                    yield from self._leaf(token)

    def _leaf(self, token: Token) -> Iterator[Row]:
        match token.type:
            case "inline":
                yield from self._placed(self._paragraph(lines(token.children or ())), token)
            case "fence" | "code_block":
                yield from self._code(token)
            case "hr":
                yield from self._placed([Row((Span(RULE),))], token, above="none", below="none")
            case "formula_block":
                written = [self._style.line((InlineRun(line.strip()),)) for line in token.content.split("\n")]
                yield from self._placed([Row(spans, whole=True, guard=self._style.guard) for spans in written], token)
            case "definition" if token.meta["id"] not in self._seen:
                words = f"[{token.meta['label']}]: {token.meta['url']} {token.meta['title']}".rstrip()
                yield from self._placed(self._paragraph([(InlineRun(words),)]), token)

    def _paragraph(self, written: Sequence[Line]) -> list[Row]:
        if written and self._around.in_fresh_item:
            first, *others = written[0]
            task = None if first.code or first.href else _TASK.match(first.text)
            if task is not None:
                self._around.tick(_BOXES[task[1]])
                written = [(replace(first, text=first.text[task.end() :]), *others), *written[1:]]
        return [Row(self._style.line(line), guard=self._style.guard) for line in written]

    def _heading(self, token: Token, inline: Token) -> Iterator[Row]:
        words = tuple(run for line in lines(inline.children or ()) for run in (*line, InlineRun(" ")))[:-1]
        if words:
            spans = self._style.heading(int(token.tag[1:]), words, inside=bool(self._around))
            yield from self._placed([Row(spans, leads=True)], token, above="empty line", below="none")

    def _code(self, token: Token) -> Iterator[Row]:
        code, info = token.content.removesuffix("\n"), token.info.strip()
        if not code.strip():
            # Around nothing, what stands behind the fence is all that was said.
            code, info = code.strip() or info, ""
        if not code:
            return
        yield from self._marker_alone(token)
        if not _INFO.fullmatch(info):
            # Words behind a fence, and not a language with its options: no client shows them there.
            line = Row(self._style.line((InlineRun(info),)), guard=self._style.guard)
            yield from self._placed([line], token, below="none")
            info = ""
        frame = self._style.fence(info, code)
        gap: _Gap = "as written" if frame is not None else "empty line"
        set_apart = frame is not None or self._style.sets_code_apart
        written = [
            Row((self._style.code(line),), frame=frame, whole=True, verbatim=True)
            if set_apart
            else Row(self._style.line((InlineRun(line),)), whole=True, verbatim=True, guard=self._style.guard)
            for line in code.split("\n")
        ]
        # Code is not indented, so that it can be copied as it is.
        yield from self._placed(written, token, above=gap, below=gap, indented=False)

    def _table(self, token: Token, tokens: Iterator[Token]) -> Iterator[Row]:
        grid: list[list[tuple[Line, ...]]] = []
        for each in tokens:
            match each.type:
                case "tr_open":
                    grid.append([])
                case "inline":
                    grid[-1].append(lines(each.children or ()))
                case "table_close":
                    break
                case _:
                    pass
        yield from self._marker_alone(token)
        written = table_rows(TableBlock(grid[0], grid[1:]), self._style)
        yield from self._placed(written, token, above="empty line", below="empty line")

    def _marker_alone(self, token: Token) -> Iterator[Row]:
        """Return a list marker a row of its own when what follows cannot stand beside it."""
        if self._around.has_pending_marker:
            yield from self._placed([Row((), leads=True)], token, below="none")

    def _placed(
        self,
        written: Sequence[Row],
        token: Token | None,
        *,
        above: _Gap = "as written",
        below: _Gap = "as written",
        indented: bool = True,
    ) -> Iterator[Row]:
        """Return a block's rows with what the lists and quotes around put before them, and with their gaps."""
        if not written:
            return
        gap = self._gap(token, above)
        quoted = self._around.before(self._around.quotes)
        first, hang = self._around.prefixes() if indented else (quoted, quoted)
        frames = {row.frame: row.frame.behind(hang) for row in written if row.frame is not None}
        for place, row in enumerate(written):
            # Not by `replace`: of an answer of many short lines it took a tenth of the time.
            yield Row(
                row.spans,
                prefix=hang if place else first,
                hang=hang,
                gap=gap if not place else None if row.gap is None else quoted.rstrip(),
                frame=None if row.frame is None else frames[row.frame],
                leads=row.leads,
                whole=row.whole,
                verbatim=row.verbatim,
                guard=row.guard,
            )
        self._above = _Above(below, self._around.quotes)

    def _gap(self, token: Token | None, wanted: _Gap) -> str | None:
        above = self._above
        if above is None or token is None or token.map is None or "none" in {above.gap, wanted}:
            return None
        line = token.map[0]
        empty_in_source = line > 0 and not self._source[line - 1].strip(" \t>")
        if not (empty_in_source or "empty line" in {above.gap, wanted}):
            return None
        common = [each for each in above.quotes if each in self._around.quotes]
        return self._around.before(common).rstrip()
