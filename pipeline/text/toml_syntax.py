"""Reads TOML, and says what is wrong with a text that is none, with a hint at what its author probably meant."""

import re
import tomllib
from typing import Any

from pipeline.text.i18n import Sentence
from pipeline.text.toml_locations import locate_keys

_PLACE = re.compile(r"\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")
_TEXTS = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'""")
_QUOTES = re.compile("[“”‘’„‟「」『』〝〞＂＇]")
_WIDE = {
    "，": ",",
    "、": ",",
    "＝": "=",
    "＠": "@",
    "：": "=",
    "＃": "#",
    "［": "[",
    "］": "]",
    "【": "[",
    "】": "]",
    "｛": "{",
    "｝": "}",
    "－": "-",
    "—": "-",
    "＿": "_",
    "．": ".",
    "。": ".",
    "\u3000": " ",
}
_NAME = re.compile(r"^\s*[\w.-]+\s*$")
_COLON = re.compile(r"^\s*[\w-]+\s*:")
_BARE = re.compile(r"^\s*(?P<key>[\w-]+)\s*=\s*(?P<value>[^\s\"'\[{\d+#-][^\"'#]*?)\s*(?:#.*)?$")
_FLAG = re.compile(r"=\s*(true|false|yes|no|on|off)\s*(#.*)?$", re.IGNORECASE)
_NO_VALUE = re.compile(r"^\s*[\w.-]+\s*=\s*(#.*)?$")
_SAID = (
    ("Cannot overwrite", "toml_said_twice"),
    ("Expected '='", "toml_said_equals"),
    ("Expected newline", "toml_said_rest"),
    ("Invalid statement", "toml_said_statement"),
    ("Too deep", "toml_said_deep"),
    ("Too many digits", "toml_said_digits"),
    ("Invalid value", "toml_said_value"),
    ("Unclosed array", "toml_said_array"),
    ("Unescaped", "toml_said_escape"),
    ("Unterminated string", "toml_said_string"),
)
"""What the parser says, by how it begins."""

_SHOWN = 40
_WIDTH = 0xFEE0
"""Between a full-width character and the plain one."""
DEEPEST = 64
"""How many tables and lists may stand in one another: what works on settings calls itself for each."""
_DIGITS = re.compile(r"[\d_]{4000}")
_NESTED = re.compile(rf"(?:[\[{{][^\n]*?){{{DEEPEST}}}|(?:\.[^\n.]*+){{{DEEPEST}}}")


class TomlOutOfBounds(tomllib.TOMLDecodeError):
    """A text that is TOML by its grammar, and more than can be read."""

    def __init__(self, said: str, line: int) -> None:
        ValueError.__init__(self, f"{said} (at line {line}, column 1)")


class TomlTooDeep(TomlOutOfBounds):
    """Tables or lists that stand in one another more than `DEEPEST` times."""


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a text in TOML says.

    Raises:
        TOMLDecodeError: it is none, or has numbers without end, or tables in tables: what Python itself fails of.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:
        raise TomlOutOfBounds("Too many digits", _line_of(_DIGITS, text)) from error
    except RecursionError as error:
        raise TomlTooDeep("Too deep", _line_of(_NESTED, text)) from error
    if is_too_deep(document):
        raise TomlTooDeep("Too deep", _line_of(_NESTED, text))
    return document


def is_too_deep(value: object) -> bool:
    """Whether tables and lists stand in one another more than `DEEPEST` times; looks without calling itself."""
    layer = [value]
    for _ in range(DEEPEST):
        layer = [inner for each in layer if isinstance(each, dict | list) for inner in _inside(each)]
    return bool(layer)


def _inside(table: dict[str, Any] | list[Any]) -> list[Any]:
    return list(table.values()) if isinstance(table, dict) else table


def _line_of(what: re.Pattern[str], text: str) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if what.search(line)), max(1, len(lines)))


def explain_syntax(error: tomllib.TOMLDecodeError, text: str, *, private: bool = False) -> tuple[int, Sentence]:
    """Return the line where a text stops being TOML, and what is wrong there; of a `private` text no value is shown."""
    message = str(error)
    place = _PLACE.search(message)
    lines = text.splitlines() or [""]
    line = int(place["line"]) if place and place["line"] else len(lines)
    said = _PLACE.sub("", message).strip()
    if isinstance(error, TomlOutOfBounds):
        return line, _with_hint(said, Sentence("mistake.toml_bounds", most=DEEPEST))
    if (unclosed := locate_keys(text).unclosed) is not None and unclosed[0] <= line:
        return unclosed[0], _with_hint(said, Sentence("mistake.toml_unclosed", line=unclosed[0], sign=unclosed[1]))
    here = lines[min(line, len(lines)) - 1]
    # A statement that lacks its end is noticed at the beginning of the next one.
    column = int(place["column"]) if place and place["column"] else len(here) + 1
    if not here[: column - 1].strip() and not here.strip():
        line, here = _line_before(lines, line)
    return line, _with_hint(said, _hint(here, said, private=private))


def _line_before(lines: list[str], line: int) -> tuple[int, str]:
    while line > 1 and not lines[line - 1].strip():
        line -= 1
    return line, lines[line - 1]


def _with_hint(said: str, hint: Sentence) -> Sentence:
    key = next((key for beginning, key in _SAID if said.startswith(beginning)), "")
    # What a later Python says in other words is told in those.
    return Sentence("mistake.toml", said=Sentence(f"mistake.{key}") if key else said, hint=hint)


def _hint(line: str, said: str, *, private: bool) -> Sentence:
    """Guess from the line what is wrong; what a Chinese keyboard types comes first, as it is the hardest to see."""
    outside = _TEXTS.sub("", line.partition("#")[0] if '"' not in line and "'" not in line else line)
    if "escape" in said.lower() or "hex" in said.lower():
        return Sentence("mistake.toml_escape")
    if quote := _QUOTES.search(outside):
        return Sentence("mistake.toml_quotes", sign=quote[0])
    if (wide := next((sign for sign in outside if sign in _WIDE or _is_wide_letter(sign)), "")) != "":
        return Sentence("mistake.toml_wide", sign=wide if wide.strip() else "U+3000", plain=_plain(wide))
    return _grammar(line, outside, said, private=private)


def _grammar(line: str, outside: str, said: str, *, private: bool) -> Sentence:  # noqa: PLR0911 -- one sentence for each slip
    lowered = said.lower()
    if "overwrite" in lowered or "twice" in lowered or "cannot declare" in lowered or "mutate" in lowered:
        return Sentence("mistake.toml_twice")
    if _COLON.match(line):
        return Sentence("mistake.toml_colon")
    if _NO_VALUE.match(line):
        return Sentence("mistake.toml_no_value")
    if _FLAG.search(line):
        return Sentence("mistake.toml_flag")
    if bare := _BARE.match(line):
        return Sentence("mistake.toml_no_quotes", key=bare["key"], value="..." if private else bare["value"][:_SHOWN])
    if _NAME.match(line) or lowered.startswith("expected '='"):
        return Sentence("mistake.toml_no_equals")
    if line.lstrip().startswith("["):
        return Sentence("mistake.toml_table")
    for sign in ('"', "'"):
        if outside.count(sign) % 2:
            return Sentence("mistake.toml_unclosed_line", sign=sign)
    if "array" in lowered or outside.count("[") != outside.count("]"):
        return Sentence("mistake.toml_list")
    return Sentence("mistake.toml_general")


def _is_wide_letter(sign: str) -> bool:
    return "\uff01" <= sign <= "\uff5e"


def _plain(sign: str) -> str:
    return _WIDE.get(sign) or chr(ord(sign) - _WIDTH)
