"""MessageStyle: how one WeCom message format writes headings, code, quotes."""

from collections.abc import Sequence
from typing import Protocol

from adapters.wecom.rendering.inline_runs import InlineRun
from adapters.wecom.rendering.rows import Frame, Span

RULE = "─" * 12


class MessageStyle(Protocol):
    """How one message format writes things."""

    @property
    def guard(self) -> str:
        """Return what keeps a `#` or `>` at the beginning of a line from being markup; empty where it is none."""

    @property
    def sets_code_apart(self) -> bool:
        """Whether code needs an empty line around it, having no fence."""

    def line(self, line: Sequence[InlineRun]) -> tuple[Span, ...]:
        """Write a line."""

    def heading(self, level: int, line: Sequence[InlineRun], *, inside: bool) -> tuple[Span, ...]:
        """Write a heading of level 1 to 6; `inside` a list or a quote."""

    def header(self, line: Sequence[InlineRun]) -> tuple[Span, ...]:
        """Write the line at the head of a table."""

    def quote(self, depth: int) -> str:
        """Return what stands before each line so deep in quotes, from 1."""

    def code(self, line: str) -> Span:
        """Write a line of code."""

    def fence(self, info: str, code: str) -> Frame | None:
        """Return the fence for code, of at most 100 bytes; None where there is none."""
