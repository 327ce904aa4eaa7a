"""Cuts a very long reply into sections that are parsed one by one, at places where no block is open."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_ENOUGH = 12_000
"""Characters after which a section ends at the next good place."""
_MOST = 2 * _ENOUGH
"""Characters after which it ends at any line."""
_ENOUGH_LINES = 500
_MOST_LINES = 1000
"""The same in lines: a line costs as much to parse as thirty characters."""

_FENCE = re.compile(r" {0,3}(`{3,48}(?!.*`)|~{3,48}(?!~))")
"""As long as `pipeline.text.markdown.bounds` takes for one."""


@dataclass(frozen=True, slots=True)
class Section:
    """Some whole lines of a reply.

    `apart` is whether an empty line stood before it. A line too long to be parsed is a section that is no markup.
    """

    text: str
    apart: bool
    is_markup: bool = True


def sections(text: str) -> Iterator[Section]:
    """Return a text's sections; a fence that has to be cut is closed, and opened again in the next."""
    if len(text) <= _MOST and text.count("\n") <= _MOST_LINES:
        yield Section(text, apart=False)
        return
    held = _Held()
    for line in text.split("\n"):
        if len(line) > _MOST:
            yield from held.end(apart=False)
            yield Section(line, apart=False, is_markup=False)
            continue
        if held.may_end_before(line):
            yield from held.end(apart=True)
        elif held.is_full and not held.ends_fence(line):
            yield from held.end(apart=False)
        held.add(line)
    yield from held.end(apart=False)


@dataclass(slots=True)
class _Held:
    """The section that is being gathered, and the fence open in it."""

    lines: list[str] = field(default_factory=list)
    size: int = 0
    apart: bool = False
    opening: str = ""
    fence: str = ""

    def may_end_before(self, line: str) -> bool:
        return (
            (self.size > _ENOUGH or len(self.lines) > _ENOUGH_LINES)
            and not self.fence
            and not self.lines[-1].strip()
            # An indented line may belong to an item of a list above.
            and line[:1].strip() != ""
        )

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.size += len(line) + 1
        found = _FENCE.match(line)
        if not self.fence and found is not None:
            self.opening, self.fence = line, found[1]
        elif self.ends_fence(line):
            self.fence = ""

    @property
    def is_full(self) -> bool:
        return self.size > _MOST or len(self.lines) > _MOST_LINES

    def ends_fence(self, line: str) -> bool:
        return bool(self.fence) and line.strip().startswith(self.fence) and not line.strip().strip(self.fence[0])

    def end(self, *, apart: bool) -> Iterator[Section]:
        """Return what is held, and begin anew; `apart` is said of the section that follows."""
        reopened = [self.opening] if self.fence else []
        if any(map(str.strip, self.lines)):
            yield Section("\n".join([*self.lines, self.fence] if self.fence else self.lines), self.apart)
        self.lines, self.size, self.apart = reopened, 0, apart
