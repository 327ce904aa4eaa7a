"""The look of an app's markdown message: headings, bold, links, inline code, quotes, colours (wecom-protocol.md 4)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from adapters.wecom.rendering.inline_runs import InlineRun, merged
from adapters.wecom.rendering.rows import Frame, Span
from pipeline.text.i18n import Catalogue

_GUARD = "\u200b"
"""An invisible space: the subset has no way to escape, so what must not be markup is taken apart with it."""

_LONGEST_ADDRESS = 1000
"""UTF-8 bytes; what is longer would leave a message no room, and the link is written out."""

_LONGEST_FENCE = 32
"""Backticks: a longer fence, above and below the code on each piece, would leave it little room."""

_LIVE = re.compile(r"https?://|mailto:|tel:", re.IGNORECASE)
_PAIRS = re.compile(r"\*(?=\*)|\](?=\()|<(?=/?(?:font|a)\b|@)", re.IGNORECASE)
_INFO = re.compile(r"[!-_a-~]{1,32}(?!\S)")
_TICKS = re.compile(r"`{3,}")

_ADDRESS = str.maketrans({"(": "%28", ")": "%29", " ": "%20", "\n": ""})
_LABEL = str.maketrans({"[": "［", "]": "］"})


class MarkdownStyle:
    """Writes WeCom's markdown subset."""

    guard = _GUARD
    sets_code_apart = False

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def line(self, line: Sequence[InlineRun]) -> tuple[Span, ...]:
        """Write a line; of markups that meet, the first of link, code, colour and bold is kept."""
        return tuple(_apart([span for run in merged(line) for span in self._spans(run)]))

    def heading(self, level: int, line: Sequence[InlineRun], *, inside: bool) -> tuple[Span, ...]:
        """Write `# …`; inside a list or a quote, where WeCom knows no heading, bold."""
        if inside:
            return self.header(line)
        return Span("#" * level + " "), *self.line([replace(run, bold=False) for run in line])

    def header(self, line: Sequence[InlineRun]) -> tuple[Span, ...]:
        """Write the line in bold."""
        return self.line([replace(run, bold=True) for run in line])

    def quote(self, depth: int) -> str:
        """Return `> `; WeCom's quotes do not nest, so an inner one has a bar."""
        return "> " + "▎" * (depth - 1)

    def code(self, line: str) -> Span:
        """Write a line of code as it is."""
        return Span(line)

    def fence(self, info: str, code: str) -> Frame | None:
        """Return a fence longer than any run of backticks in the code, with the language; None if that is too long."""
        ticks = "`" * max((len(run) + 1 for run in _TICKS.findall(code)), default=3)
        if len(ticks) > _LONGEST_FENCE:
            return None
        language = _INFO.match(info.strip())
        return Frame(above=ticks + (language[0] if language else ""), below=ticks)

    def _spans(self, run: InlineRun) -> Iterator[Span]:
        if run.struck:
            run = replace(run, text=self._catalogue.text("rendering.struck", text=run.text), struck=False)
        if run.picture:
            yield from self._picture(run)
        elif run.href:
            yield from _link(run.text, run.href)
        elif run.code:
            yield Span(run.text.replace("`", "ˋ"), "`", "`")
        elif run.colour:
            yield Span(_literal(run.text), f'<font color="{run.colour}">', "</font>")
        elif run.bold:
            yield from _bold(run.text)
        else:
            yield Span(_literal(run.text))

    def _picture(self, run: InlineRun) -> Iterator[Span]:
        name = (
            self._catalogue.text("rendering.picture", alt=run.text)
            if run.text
            else self._catalogue.text("rendering.bare_picture")
        )
        if run.href.startswith("data:"):
            yield Span(_literal(name))
        else:
            yield from _link(name, run.href)


def _link(text: str, href: str) -> Iterator[Span]:
    address = href.translate(_ADDRESS)
    if href == f"mailto:{text}":
        # Phones make an address of an address themselves.
        yield Span(_literal(text))
    elif _LIVE.match(href) and len(address.encode()) <= _LONGEST_ADDRESS:
        yield Span(_literal(text.translate(_LABEL)), "[", f"]({address})")
    elif href.startswith("#") or text == href:
        yield Span(_literal(text))
    else:
        yield Span(_literal(f"{text}（{href}）"))


def _bold(text: str) -> Iterator[Span]:
    bare = text.strip()
    if not bare:
        yield Span(text)
        return
    start = text.index(bare)
    if start:
        yield Span(text[:start])
    yield Span(_literal(bare), "**", "**")
    if text[start + len(bare) :]:
        yield Span(text[start + len(bare) :])


def _literal(text: str) -> str:
    """Return text that WeCom shows as it is."""
    return _PAIRS.sub(lambda found: found[0] + _GUARD, text).replace("`", "ˋ")


def _apart(spans: Sequence[Span]) -> Iterator[Span]:
    """Return the spans, bare words in one span, and those parted whose asterisks would be read together."""
    bare = ""
    last = ""
    for span in spans:
        shown = str(span)
        if last.endswith("*") and shown.startswith("*"):
            bare += _GUARD
        last = shown
        if not span.before:
            bare += span.text
            continue
        if bare:
            yield Span(bare)
            bare = ""
        yield span
    if bare:
        yield Span(bare)
