"""The look of a text message: no markup at all, since the WeChat plugin shows nothing else (wecom-protocol.md 4)."""

import re
from collections.abc import Sequence

from adapters.wecom.rendering.inline_runs import InlineRun
from adapters.wecom.rendering.rows import Frame, Span
from pipeline.text.i18n import Catalogue

_ANCHOR = re.compile(r"<(?=/?a\b)", re.IGNORECASE)
"""WeCom makes `<a href>` of a text message a link (wecom-protocol.md 4): nobody's words shall be able to."""

_MAIN_HEADINGS = 3
_WORD = re.compile(r"\w")


class PlainStyle:
    """Writes plain text."""

    guard = ""
    sets_code_apart = True

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def line(self, line: Sequence[InlineRun]) -> tuple[Span, ...]:
        """Write a line; code stands apart from Chinese by a space, having nothing else to be known by."""
        return (Span(self._line(line)),)

    def heading(self, level: int, line: Sequence[InlineRun], *, inside: bool) -> tuple[Span, ...]:
        """Write `【…】`; deeper headings behind a sign, and those inside a list or a quote as a line of their own."""
        text = self._line(line)
        if inside:
            return (Span(text),)
        return (Span(f"◆ {text}" if level > _MAIN_HEADINGS or "【" in text else f"【{text}】"),)

    def header(self, line: Sequence[InlineRun]) -> tuple[Span, ...]:
        """Write the line behind a sign."""
        return (Span(f"■ {self._line(line)}"),)

    def quote(self, depth: int) -> str:
        """Return a bar for each quote."""
        return "▎" * depth

    def code(self, line: str) -> Span:
        """Write a line of code as it is, but for links."""
        return Span(_literal(line))

    def fence(self, info: str, code: str) -> Frame | None:  # noqa: ARG002 - plain text has none
        """Return nothing: code stands for itself."""
        return None

    def _line(self, line: Sequence[InlineRun]) -> str:
        text = ""
        last = InlineRun("")
        for run in line:
            added = self._text(run)
            if (last.code or run.code) and _runs_together(text, added):
                text += " "
            text += added
            last = run
        return _literal(text)

    def _text(self, run: InlineRun) -> str:
        text, href = run.text, run.href.removeprefix("mailto:")
        if run.struck:
            text = self._catalogue.text("rendering.struck", text=text)
        if run.picture:
            text = (
                self._catalogue.text("rendering.picture", alt=text)
                if text
                else self._catalogue.text("rendering.bare_picture")
            )
            if href.startswith("data:"):
                return text
        return text if not href or href.startswith("#") or href == text else f"{text}（{href}）"


def _runs_together(before: str, after: str) -> bool:
    """Whether the edge of code would be lost: words on both sides."""
    return bool(_WORD.match(before[-1:]) and _WORD.match(after[:1]))


def _literal(text: str) -> str:
    """Return text of which WeCom makes no link."""
    return _ANCHOR.sub("<\u200b", text)
