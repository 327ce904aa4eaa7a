"""The tools a model asks for, gathered from a message or from pieces of it.

Servers differ in nearly everything about a call: arguments as text, as an object or left out, an id that is missing,
empty or the same for all, pieces without an index, the name repeated in each piece, `function_call` of the first
protocol, and fields of their own, such as Gemini's `extra_content`, that they want back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessageChunk, InvalidToolCall, ToolCall
from langchain_core.messages.tool import tool_call_chunk

from chains.models.parsing.json_progress import JsonProgress

_ARGUMENTS = ("arguments", "args", "parameters", "input")
_KNOWN = frozenset({"id", "type", "function", "index", "name", *_ARGUMENTS})
_MOST_CALLS = 64
_MOST_CHARACTERS = 200_000


@dataclass(slots=True)
class Call:
    """One call as far as it is known; `extra` are the server's own fields of it."""

    id: str = ""
    name: str = ""
    index: object = None
    extra: dict[str, Any] = field(default_factory=dict)
    _pieces: list[str] = field(default_factory=list)
    _progress: JsonProgress = field(default_factory=JsonProgress)
    _followed: int = 0
    """How many of the pieces the progress has read."""
    _is_valid: bool | None = None
    """Whether the arguments are JSON, once they have ended."""

    def add(self, piece: str) -> None:
        """Take in one more piece of the arguments."""
        self._pieces.append(piece)

    def replace(self, arguments: object) -> None:
        """Take arguments that come as a value, in the place of those that came before."""
        self._pieces = [json.dumps(arguments, ensure_ascii=False)]
        self._progress, self._followed, self._is_valid = JsonProgress(), 0, None

    @property
    def arguments(self) -> str:
        """Return the arguments as the server wrote them; those of a call without any are an empty object."""
        text = "".join(self._pieces)
        return text if text.strip() not in {"", "null", "None"} else "{}"

    @property
    def plain_arguments(self) -> str:
        """Return the arguments as JSON: an object, also where they came as JSON within JSON, or else the text of them.

        LangChain tries to mend what is no JSON, sign by sign: of 40,000 it takes fifteen seconds.
        """
        value = parsed_arguments(self.arguments)
        return json.dumps(self.arguments if value is None else value, ensure_ascii=False)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing of the arguments; asked with each of many pieces where a server numbers none."""
        if not self.name:
            return False
        for piece in self._pieces[self._followed :]:
            self._progress.feed(piece)
        self._followed = len(self._pieces)
        if self._progress.state != "ended":
            return False
        if self._is_valid is None:
            self._is_valid = _is_json(self.arguments)
        return self._is_valid


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def parsed_arguments(text: str) -> dict[str, Any] | None:
    """Return arguments as an object, also of JSON within JSON; None for what is none."""
    value: object = text
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if value is None or value == "":
        return {}
    return value if isinstance(value, dict) else None


class CallCollector:
    """Gathers calls in their order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._length = 0

    @property
    def is_full(self) -> bool:
        """Whether there is more of arguments than any tool is given."""
        return self._length > _MOST_CHARACTERS

    def read(self) -> tuple[list[ToolCall], list[InvalidToolCall]]:
        """Return the calls of tools by name, and those whose arguments are no object."""
        calls: list[ToolCall] = []
        invalid: list[InvalidToolCall] = []
        for call in self.calls:
            if not call.name:
                continue
            called, text = call.id or None, call.arguments
            if (arguments := parsed_arguments(text)) is not None:
                calls.append(ToolCall(type="tool_call", id=called, name=call.name, args=arguments))
            else:
                invalid.append(
                    InvalidToolCall(
                        type="invalid_tool_call", id=called, name=call.name, args=text, error="no JSON object"
                    )
                )
        return calls, invalid

    def put_into(self, message: AIMessageChunk) -> None:
        """Put the calls into the last piece of a message, in which LangChain has nothing left to mend."""
        message.tool_call_chunks = [
            tool_call_chunk(name=call.name, args=call.plain_arguments, id=call.id or None, index=place)
            for place, call in enumerate(self.calls)
            if call.name
        ]
        message.tool_calls, message.invalid_tool_calls = self.read()

    def add(self, given: object, *, whole: bool) -> None:
        """Take in the `tool_calls` of a message, or of a piece of one where it is not `whole`."""
        entries = given if isinstance(given, list) else [given]
        for entry in entries:
            if isinstance(entry, Mapping) and len(self.calls) < _MOST_CALLS and not self.is_full:
                self._add(entry, whole=whole)

    def _add(self, entry: Mapping[str, Any], *, whole: bool) -> None:
        function = entry.get("function") or entry.get("custom") or entry
        if isinstance(function, str):
            function = {**entry, "name": function}
        if not isinstance(function, Mapping):
            return
        name = function.get("name")
        name = name if isinstance(name, str) else ""
        given_id = entry.get("id") or entry.get("tool_call_id") or entry.get("call_id")
        call_id = str(given_id) if isinstance(given_id, str | int) else ""
        arguments = next((function[key] for key in _ARGUMENTS if function.get(key) is not None), None)
        # White space goes on with the call before it, which may be whole.
        is_space = isinstance(arguments, str) and arguments.isspace()
        call = None if whole else self._continued(entry.get("index"), call_id, "" if is_space else name)
        if call is None:
            if not (name or call_id or arguments):
                return
            call = Call(index=entry.get("index"))
            self.calls.append(call)
        call.id = call.id or call_id
        call.extra.update({key: value for key, value in entry.items() if key not in _KNOWN})
        # Some send the name in pieces, most once, a few anew with each piece.
        if name and name != call.name:
            call.name += name
        if isinstance(arguments, str):
            call.add(arguments)
            self._length += len(arguments)
        elif arguments is not None:
            call.replace(arguments)

    def _continued(self, index: object, call_id: str, name: str) -> Call | None:
        """Return the call that a piece goes on with; None where it begins one."""
        if index is not None:
            same = [call for call in self.calls if call.index == index]
            # All calls at one index: an id of its own beside a name is another call.
            if same and call_id and name and same[-1].id and call_id != same[-1].id:
                return next((call for call in same if call.id == call_id), None)
            return same[-1] if same else None
        if call_id:
            return next((call for call in self.calls if call.id == call_id and not (name and call.is_whole)), None)
        if not self.calls:
            return None
        last = self.calls[-1]
        return last if not name or (name == last.name and not last.is_whole) else None
