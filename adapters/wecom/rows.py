"""What a reply has become when it is laid out and not yet cut: rows of spans, some of them in a frame."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Words under one markup; cut in two, both halves carry the markup."""

    text: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before}{self.text}{self.after}"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Lines above and below some rows, again on every piece they reach: a fence, or a table's header.

    Equal only to itself: two fences of one language are two frames.
    """

    above: str
    below: str = ""

    def behind(self, prefix: str) -> "Frame":
        """Give the frame with a prefix on its lines."""
        return Frame(prefix + self.above, prefix + self.below if self.below else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One line, as yet without its end.

    `prefix` stands before it, `hang` before what is left of it on the next piece. `gap` is what stands on the
    empty line above it, None where there is no such line.
    """

    spans: tuple[Span, ...]
    prefix: str = ""
    hang: str = ""
    gap: str | None = None
    frame: Frame | None = None
    leads: bool = False
    """It belongs to the row below, as a heading does."""
    whole: bool = False
    """It goes to the next piece rather than being cut."""
    verbatim: bool = False
    """Its white space is meant."""
    guard: str = ""
    """Put before a character that would be markup at the beginning of a line."""
