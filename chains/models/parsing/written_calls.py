"""Calls of tools that a model wrote into its words, because its server does not know its model's way to call.

Every family has a form of its own: JSON between tags (Hermes, Qwen, Granite), after a token (Mistral, Llama), with the
name before it (DeepSeek, Kimi), parameters in tags (Qwen-Coder, MiniMax, GLM), a message to a function (gpt-oss), or
only a block of JSON. A call counts where it names a tool that was offered; all else stays what it was.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

Schemas = Mapping[str, Mapping[str, Any]]
"""The tools that were offered, by name, each as it was described to the model."""


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A tool's name and the arguments it is to be called with."""

    name: str
    arguments: Mapping[str, Any]


_MOST_CALLS = 16
_MOST_VALUES = 256
_LONGEST_VALUE = 20_000
_MOST_LOOKS = 64
_NEAR = 160
_ARGUMENTS = ("arguments", "parameters", "args", "input", "params")
_JSON = re.compile(r"[\[{]")
_DECODER = json.JSONDecoder()
# The name that stands before arguments, with what may come between them.
_NAME_BEFORE = re.compile(
    r"(?:functions?\.|to=functions?\.)?([A-Za-z_][\w-]{0,79})(?::\d{1,4})?"
    r"(?:\s{0,4}(?:<｜tool▁sep｜>|<\|tool_call_argument_begin\|>|<\|tool_sep\|>|\[ARGS\]|\[CALL_ID\]\w{1,40}\[ARGS\]"
    r"|<\|constrain\|>\s?json|<\|message\|>|>|\"|'|```(?:json)?|:|=)){0,4}\s{0,8}\Z"
)
_TAGGED = re.compile(r"<(?:function=|invoke name=)[\"']?(?P<name>[^\"'<>\n]{1,80}?)[\"']?\s{0,4}>")
_TAGGED_END = re.compile(r"</(?:function|invoke)>")
_PARAMETER = re.compile(r"<parameter(?:=|\s{1,4}name=)[\"']?(?P<key>[^\"'<>\n]{1,80}?)[\"']?(?:\s[^<>\n]{0,80})?>")
_PAIR = re.compile(r"<arg_key>(?P<key>[^<>]{1,80})</arg_key>\s{0,8}<arg_value>")
_NAME_FIRST = re.compile(r"(?:<[^<>\s]{1,40}>\s{0,4})*(?P<name>[A-Za-z_][\w.-]{0,79})\s")
_BLOCK = re.compile(r"(?:\A|\n)```(?:json|tool_call|tool_code|tool)?[ \t]*\n(?P<body>[^`]{2,20000})\n[ \t]*```\s*\Z")


def written_calls(segments: tuple[str, ...], schemas: Schemas) -> list[WrittenCall]:
    """Return the calls in what was taken out of an answer as calls, each from its marker on."""
    found = (call for segment in segments for call in _calls_in(segment, schemas))
    return list(islice(found, _MOST_CALLS))


def calls_of_block(said: str, schemas: Schemas) -> tuple[list[WrittenCall], str]:
    """Return the calls in a block of JSON that an answer ends with, or that it is, and the answer without it."""
    block = _BLOCK.search(said) if said.endswith("```") else None
    body, rest = (block["body"], said[: block.start()]) if block is not None else (said, "")
    if body.lstrip()[:1] not in {"{", "["} or body.rstrip()[-1:] not in {"}", "]"}:
        return [], said
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return [], said
    entries = value if isinstance(value, list) else [value]
    calls = [call for entry in entries if (call := _call_of(entry, schemas)) is not None]
    return (calls[:_MOST_CALLS], rest.strip()) if calls and len(calls) == len(entries) else ([], said)


def _calls_in(segment: str, schemas: Schemas) -> Iterator[WrittenCall]:
    if (tagged := _TAGGED.search(segment)) is not None:
        yield from _tagged_calls(segment, tagged, schemas)
        return
    if "<arg_key>" in segment or ("<arg_" not in segment and _bare_name(segment) in schemas):
        for part in re.split(r"<tool_call>", segment):
            first = _NAME_FIRST.match(f"{part.strip()} ".replace("<", " <", 1))
            name = first["name"] if first is not None else ""
            if name in schemas:
                pairs = dict(_values(part, _PAIR, "</arg_value>"))
                yield WrittenCall(name, _typed(pairs, schemas[name]))
        return
    yield from _json_calls(segment, schemas)


def _bare_name(segment: str) -> str:
    """Return the name of a call that has nothing else between its tags."""
    return re.sub(r"<[^<>]{1,60}>", " ", segment).strip() if len(segment) <= _MOST_LOOKS * 4 else ""


def _tagged_calls(segment: str, tagged: re.Match[str], schemas: Schemas) -> Iterator[WrittenCall]:
    one: re.Match[str] | None = tagged
    while one is not None:
        end = _TAGGED_END.search(segment, one.end())
        body = segment[one.end() : end.start() if end is not None else len(segment)]
        name = one["name"].strip()
        if name in schemas:
            given = dict(_values(body, _PARAMETER, "</parameter>"))
            value = None if given else _first_json(body)
            inner = _arguments_of(value) if isinstance(value, dict) and value.keys() & set(_ARGUMENTS) else value
            yield WrittenCall(name, inner if isinstance(inner, dict) else _typed(given, schemas[name]))
        one = _TAGGED.search(segment, one.end() + len(body))


def _values(text: str, opening: re.Pattern[str], closing: str) -> Iterator[tuple[str, str]]:
    """Yield the keys and values between tags; the closing one is looked for once, however many are opened before it."""
    end = read = found = 0
    for begin in opening.finditer(text):
        if begin.start() < read:
            continue
        if end < begin.end():
            end = text.find(closing, begin.end())
        if end < 0 or found == _MOST_VALUES:
            return
        if end - begin.end() <= _LONGEST_VALUE:
            yield begin["key"].strip(), text[begin.end() : end]
            read, found = end + len(closing), found + 1


def _json_calls(segment: str, schemas: Schemas) -> Iterator[WrittenCall]:
    place = read = 0
    for _ in range(_MOST_LOOKS):
        begin = _JSON.search(segment, place)
        if begin is None:
            return
        try:
            value, end = _DECODER.raw_decode(segment, begin.start())
        except (ValueError, RecursionError):
            place = begin.end()
            continue
        before = _NAME_BEFORE.search(segment[max(read, begin.start() - _NEAR) : begin.start()])
        place = read = end
        entries = value if isinstance(value, list) else [value]
        calls = [call for entry in entries if (call := _call_of(entry, schemas)) is not None]
        if not calls and before is not None and before[1] in schemas and isinstance(value, dict):
            calls = [WrittenCall(before[1], value)]
        yield from calls


def _call_of(entry: object, schemas: Schemas) -> WrittenCall | None:
    if not isinstance(entry, dict):
        return None
    inner = entry.get("function")
    function = inner if isinstance(inner, dict) else entry
    name = function.get("name") or (inner if isinstance(inner, str) else "") or function.get("tool")
    if not isinstance(name, str) or name not in schemas:
        return None
    if not any(key in function for key in _ARGUMENTS) and len(function) > 1 + ("type" in function):
        return None
    return WrittenCall(name, _arguments_of(function))


def _arguments_of(function: Mapping[str, Any]) -> dict[str, Any]:
    value: object = next((function[key] for key in _ARGUMENTS if function.get(key) is not None), {})
    if isinstance(value, str):
        value = _first_json(value)
    return value if isinstance(value, dict) else {}


def _first_json(text: str) -> object:
    begin = text.find("{")
    if begin < 0:
        return None
    try:
        return _DECODER.raw_decode(text, begin)[0]
    except (ValueError, RecursionError):
        return None


def _typed(given: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters that were written between tags as the types that the tool takes."""
    function = schema.get("function")
    parameters = function.get("parameters") if isinstance(function, Mapping) else None
    fields = parameters.get("properties") if isinstance(parameters, Mapping) else None
    typed: dict[str, Any] = {}
    for key, text in given.items():
        about = fields.get(key) if isinstance(fields, Mapping) else None
        value = text.removeprefix("\n").removesuffix("\n")
        if isinstance(about, Mapping) and about.get("type") == "string":
            typed[key] = value
            continue
        try:
            typed[key] = json.loads(value)
        except (ValueError, RecursionError):
            typed[key] = value
    return typed
