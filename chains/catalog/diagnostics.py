"""What is wrong with a chain's file, said so that whoever wrote it finds the place and knows what to write."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_HEADER = re.compile(r"^\s*(?P<many>\[)?\[\s*(?P<path>[^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*(?P<key>[\w-]+|"[^"]*"|'[^']*')\s*=\s*(?P<value>.*)$""")
_PLACE = re.compile(r"\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")
_MOST = 60
_LONG = ('"""', "'''")

Path = tuple[str | int, ...]


@dataclass(slots=True)
class TomlLocations:
    """Where each key of a TOML text stands: its line, from 1, and the line its value begins in."""

    lines: dict[Path, int] = field(default_factory=dict)
    values: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Return the line of a key, or of the nearest thing around it that has one; 0 for the whole text."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def inside(self, path: Path, line: int) -> int:
        """Return the line of the file in which a line of a value's own text stands."""
        return self.values[path] + line - 1 if path in self.values else self.line(path)


def locate_keys(text: str) -> TomlLocations:
    """Find the keys of a TOML text; the parser of the standard library does not say where it found them."""
    found = TomlLocations()
    table: Path = ()
    many: dict[Path, int] = {}
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
        elif header := _HEADER.match(line):
            table = tuple(part.strip().strip("\"'") for part in header["path"].split("."))
            if header["many"]:
                many[table] = many.get(table, -1) + 1
                table = (*table, many[table])
            found.lines.setdefault(table, number)
        elif pair := _KEY.match(line):
            path = (*table, pair["key"].strip("\"'"))
            value = pair["value"].strip()
            opened = next((mark for mark in _LONG if value.startswith(mark)), "")
            found.lines.setdefault(path, number)
            # A line break right after the opening marks is no part of the text.
            found.values[path] = number + (value == opened != "")
            closing = opened if opened and opened not in value[3:] else ""
    return found


def explain(model: type[BaseModel], problem: ErrorDetails, source: str, where: TomlLocations) -> str:
    """Return what pydantic found: the file, the line, the key, what stands there and what would be right."""
    path = tuple(problem["loc"])
    key = ".".join(str(step + 1) if isinstance(step, int) else step for step in path)
    line = where.line(path)
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            said = _unknown_key(str(path[-1]), _keys(model, path[:-1]))
        case "missing":
            said = "is missing; write it down, or take the whole part away"
        case "mistake":
            line = where.inside(path, int(context["line"])) if "line" in context else line
            said = problem["msg"]
        case _:
            wanted = _wanted(problem)
            said = f"found {_shown(problem['input'])}; {wanted}"
    return f"{source}{f':{line}' if line else ''}: {key}: {said}"


def explain_syntax(source: str, error: tomllib.TOMLDecodeError | UnicodeDecodeError, text: str = "") -> str:
    """Return what the parser found."""
    if isinstance(error, UnicodeDecodeError):
        return f"{source}: not UTF-8; save the file again with the encoding UTF-8"
    message = str(error)
    place = _PLACE.search(message)
    line = int(place["line"]) if place and place["line"] else len(text.splitlines()) or 1
    said = _PLACE.sub("", message).strip()
    way_out = 'text stands in "quotes", longer text between two lines of """, lists in [brackets]'
    return f"{source}:{line}: not TOML: {said}; {way_out}"


def _keys(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """Name the keys of the table at a path."""
    inner = model.nested().get(str(path[0])) if path and hasattr(model, "nested") else None
    return tuple(inner.model_fields if inner else model.model_fields)


def _unknown_key(key: str, known: Iterable[str]) -> str:
    known = tuple(known)
    near = difflib.get_close_matches(key, known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"no such key; {meant}there are {', '.join(known)}"


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        text = repr(value)
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _wanted(problem: ErrorDetails) -> str:
    context: Mapping[str, Any] = problem.get("ctx", {})
    wanted = {
        "string_type": 'needs text in quotes, such as "text"',
        "int_type": "needs a whole number without quotes, such as 3",
        "bool_type": "needs true or false, without quotes",
        "tuple_type": 'needs a list, such as ["one", "two"]',
        "dict_type": "needs a table",
        "greater_than_equal": f"needs {context.get('ge')} or more",
        "less_than_equal": f"needs {context.get('le')} or less",
        "literal_error": f"needs {str(context.get('expected', '')).replace(chr(39), chr(34))}",
        "string_too_short": "needs some text",
    }
    return wanted.get(problem["type"]) or f"{problem['msg'][0].lower()}{problem['msg'][1:]}"
