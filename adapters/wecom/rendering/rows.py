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
        """Return the frame with a prefix on its lines."""
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

    def leaves(self, room: int, limit: int) -> bool:
        """Whether what is none of its words leaves them `room` bytes of each piece of at most `limit` bytes."""
        frame = 0 if self.frame is None else len(self.frame.above) + len(self.frame.below) + 2
        markup = max([len(span.before) + len(span.after) for span in self.spans], default=0)
        characters = len(self.prefix) + len(self.hang) + len(self.guard) + frame + markup
        # A character has four bytes at most.
        return characters * 4 + room <= limit or self._ornament_bytes() + room <= limit

    def _ornament_bytes(self) -> int:
        frame = 0 if self.frame is None else len(f"{self.frame.above}{self.frame.below}".encode()) + 2
        markup = max((len(f"{span.before}{span.after}".encode()) for span in self.spans), default=0)
        return max(len(self.prefix.encode()), len(self.hang.encode())) + len(self.guard.encode()) + frame + markup

    def bare(self) -> "Row":
        """Return it with its ornaments as words: what has too many of them would leave a piece no room."""
        return Row((Span(self.prefix), *(Span(str(span)) for span in self.spans)))
