"""Where each key of a TOML text stands; the parser of the standard library does not say where it found them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

_PART = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_HEADER = re.compile(r"^\s*(?P<many>\[)?\[\s*(?P<path>[^\[\]]+?)\s*\]")
_KEY = re.compile(rf"^\s*(?P<key>{_PART}(?:\s*\.\s*{_PART})*)\s*=\s*(?P<value>.*)$")
_EACH = re.compile(_PART)
_TEXT = re.compile(r"""\"{3}|'{3}|"(?:[^"\\]|\\.)*"?|'[^']*'?|\#.*""")
LONG = ('"""', "'''")


@dataclass(slots=True)
class TomlLocations:
    """Where each key of a TOML text stands: its line, from 1, and the line its value begins in."""

    lines: dict[Path, int] = field(default_factory=dict)
    values: dict[Path, int] = field(default_factory=dict)
    unclosed: tuple[int, str] | None = None
    """The line and the marks of a longer text that never ends."""

    def line(self, path: Path) -> int:
        """Return the line of a key, or of the nearest thing around it that has one; 0 for the whole text."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def inside(self, path: Path, line: int) -> int:
        """Return the line of the file in which a line of a value's own text stands."""
        return self.values[path] + line - 1 if path in self.values else self.line(path)


def path_of(key: str) -> Path:
    """Return the path that a message calls `cases.2.input`, which counts from 1."""
    return tuple(int(step) - 1 if step.isdecimal() else step for step in key.split("."))


def locate_keys(text: str) -> TomlLocations:
    """Find the keys of a TOML text."""
    found = TomlLocations()
    table: Path = ()
    many: dict[Path, int] = {}
    opened = (0, "")
    # How many brackets of a list over several lines are open: what looks like a header in it is none.
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        if opened[1]:
            opened = (0, "") if _ends(line, opened[1]) else opened
            continue
        value = line
        if not depth:
            if header := _HEADER.match(line):
                table = _table(header, many)
                found.lines.setdefault(table, number)
                if header["many"]:
                    found.lines.setdefault(table[:-1], number)
                continue
            if (pair := _KEY.match(line)) is None:
                continue
            path = (*table, *_steps(pair["key"]))
            value = pair["value"].strip()
            for end in range(len(table) + 1, len(path) + 1):
                found.lines.setdefault(path[:end], number)
            # A line break right after the opening marks is no part of the text.
            found.values[path] = number + (value in LONG)
        marks, change = _scan(value)
        depth = max(depth + change, 0)
        opened = (number, marks)
    found.unclosed = opened if opened[1] else None
    return found


def _table(header: re.Match[str], many: dict[Path, int]) -> Path:
    steps = tuple(_steps(header["path"]))
    # A part inside a part of a list belongs to the latest of that list.
    path: Path = ()
    for step in steps[:-1]:
        path = (*path, step)
        path = (*path, many[path]) if path in many else path
    path = (*path, *steps[-1:])
    if not header["many"]:
        return path
    many[path] = many.get(path, -1) + 1
    return (*path, many[path])


def _steps(key: str) -> Iterator[str]:
    return (part.strip("\"'") for part in _EACH.findall(key))


def _ends(line: str, marks: str) -> bool:
    return re.search(rf"(?<!\\)(?:\\\\)*{marks}", line) is not None if marks == LONG[0] else marks in line


def _scan(value: str) -> tuple[str, int]:
    """Return the marks of a longer text that a line begins and does not end, and how many brackets it opens."""
    at = depth = 0
    while at < len(value):
        sign = value[at]
        if (found := _TEXT.match(value, at)) is not None:
            at = found.end()
            if found[0] in LONG:
                end = value.find(found[0], at)
                if end < 0:
                    return found[0], depth
                at = end + 3
            continue
        depth += (sign == "[") - (sign == "]")
        at += 1
    return "", depth
