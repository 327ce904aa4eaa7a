"""Lines put into a TOML file and taken out, where tomlkit would move or lose a comment.

It counts the comment above a table to the table before. Every result is read again and compared with what it shall say;
what cannot be told by its lines is left to the caller.
"""

import re
import tomllib
from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit import TOMLDocument

from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Sentence
from pipeline.text.toml_syntax import parse_toml

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")


def with_key(document: TOMLDocument, table: Sequence[str], key: str, item: object) -> TOMLDocument | None:
    """Return a document with a further key at the end of a table, which is made at the file's end if it is not there.

    None where the table's lines cannot be told.
    """
    text = tomlkit.dumps(document)
    lines = text.splitlines(keepends=True)
    begin = next((number for number, line in enumerate(lines) if _names(line) == list(table)), None)
    new = tomlkit.dumps({key: item})
    if begin is None:
        gap = "" if not lines else "\n" if lines[-1].endswith("\n") else "\n\n"
        found = f"{text}{gap}[{'.'.join(table)}]\n{new}"
    else:
        end = next((number for number in range(begin + 1, len(lines)) if _names(lines[number])), len(lines))
        while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        last = "" if lines[end - 1].endswith("\n") else "\n"
        found = "".join([*lines[:end], last, new, *lines[end:]])
    expected = parse_toml(text)
    inner = expected
    for name in table:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            return None
    inner[key] = parse_toml(new)[key]
    return _read_as(found, expected)


def without_table(document: TOMLDocument, table: Sequence[str], file: str) -> TOMLDocument:
    """Return a document without a table, the tables in it, and the comment right above it.

    Raises:
        SettingsInvalid: its lines cannot be told; the `file` is named.
    """
    text = tomlkit.dumps(document)
    lines = text.splitlines(keepends=True)
    kept: list[str] = []
    inside = False
    for number, line in enumerate(lines):
        if names := _names(line):
            was_inside, inside = inside, names[: len(table)] == list(table)
            if inside:
                kept = kept[: len(kept) - _comment_lines(kept)]
            elif was_inside:
                kept += lines[number - _comment_lines(lines[:number]) : number]
        if not inside:
            kept.append(line)
    while inside and kept and not kept[-1].strip():
        kept.pop()
    expected = parse_toml(text)
    outer: dict[str, Any] = expected
    for name in table[:-1]:
        outer = outer[name]
    del outer[table[-1]]
    if (found := _read_as("".join(kept), expected)) is not None:
        return found
    raise SettingsInvalid([Sentence("console.models_remove_by_hand", where=f"[{'.'.join(table)}]", file=file)])


def _read_as(text: str, expected: dict[str, Any]) -> TOMLDocument | None:
    """Read a text if it says what it shall; tables without keys are nothing."""
    try:
        return tomlkit.parse(text) if _filled(parse_toml(text)) == _filled(expected) else None
    except tomllib.TOMLDecodeError:
        return None


def _names(line: str) -> list[str]:
    """Return the names of the table that a line begins, none for another line."""
    found = _HEADER.fullmatch(line.rstrip("\r\n"))
    return [part.strip().strip("\"'") for part in found[1].split(".")] if found else []


def _comment_lines(lines: list[str]) -> int:
    """Count the lines of a comment that stands right at the end."""
    count = 0
    while count < len(lines) and lines[-1 - count].lstrip().startswith("#"):
        count += 1
    return count


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value != {}}
