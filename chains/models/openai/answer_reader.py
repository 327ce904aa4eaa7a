"""Reads the JSON of an answer, whole or in events, into one message, from whichever server speaks the protocol.

What a server adds, leaves out or shapes in its own way costs the answer nothing: a missing role, content in parts,
thoughts under one of six names, pictures beside the words, counts that are no counts. Only an answer in which there is
no message at all, or an error in its place, is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from chains.models.openai.content import Parts, pictures_of, read_content, thought_of
from chains.models.openai.inline_pictures import InlinePictures
from chains.models.openai.provider_error import error_in
from chains.models.openai.stream_decoder import ContentPiece
from chains.models.openai.token_usage import merged
from chains.models.openai.tool_calls import CallCollector
from chains.models.parsing.foreign_events import as_chunk

THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thought")
"""Under which names servers send what a model thinks, beside the answer."""

_DETAILS = "reasoning_details"
_PICTURES = ("images", "image", "image_url", "image_urls")
_WRAPS = ("response", "data", "result", "output", "completion")
_FINISHES = ("finish_reason", "stop_reason", "done_reason", "finishReason")
_BARE_TEXTS = ("content", "text", "output_text", "response", "result", "answer", "generated_text", "completion")
_MOST_DETAILS = 400

INCOMPLETE = "incomplete"
"""Why an answer ended whose stream ended without saying so."""


class NoMessage(ValueError):
    """What came is JSON, and no message is in it."""


@dataclass(slots=True)
class AnswerReader:
    """A message as far as it has been read."""

    text: list[str] = field(default_factory=list)
    thoughts: dict[str, list[str]] = field(default_factory=dict)
    """What the model thought, under the server's own name for it."""
    details: list[Any] = field(default_factory=list)
    """Thoughts as OpenRouter parts them, some of them signed."""
    refusal: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    calls: CallCollector = field(default_factory=CallCollector)
    finish: str = ""
    model: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    has_message: bool = False
    is_whole: bool = False
    """Whether a whole message came, not pieces of one."""
    _length: int = 0
    _inline: InlinePictures = field(default_factory=InlinePictures)

    @property
    def length(self) -> int:
        """Return the characters read so far, spoken and thought."""
        return self._length

    def add(self, value: object) -> None:
        """Take in a JSON value: an answer or one of its events. Raises `ProviderError` for an error instead of one."""
        if isinstance(value, ContentPiece):
            self._say(value)
            return
        if isinstance(value, list):
            for each in value:
                if isinstance(each, dict):
                    self.add(each)
            return
        if not isinstance(value, dict):
            return
        if "type" in value and (chunk := as_chunk(value)) is not None:
            value = chunk
        if isinstance(model := value.get("model"), str) and model:
            self.model = model
        for counts in (value.get("usage"), value.get("usageMetadata"), value.get("x_groq")):
            if isinstance(counts, dict):
                inner = counts.get("usage")
                self.usage = merged(self.usage, inner if isinstance(inner, dict) else counts)
        if "eval_count" in value:
            self.usage = merged(self.usage, {key: value.get(key) for key in ("prompt_eval_count", "eval_count")})
        has_read = self._read(value, depth=0)
        # Some send an empty error beside every answer, and some a message of no words beside the error.
        is_refused = not has_read or (value.get("error") and not (self.is_whole and any(self.text)))
        if is_refused and (error := error_in(value)) is not None:
            raise error

    def _read(self, answer: Mapping[str, Any], depth: int) -> bool:
        """Read the message in an answer or in what wraps it; whether there was one."""
        choices = answer.get("choices")
        if isinstance(choices, dict):
            choices = [choices]
        if isinstance(choices, list):
            return any(self._choice(choice) for choice in choices[:1])
        if isinstance(answer.get("candidates"), list):
            return any(self._choice(candidate) for candidate in answer["candidates"][:1])
        if isinstance(message := answer.get("message"), dict):
            return self._choice({**answer, "delta": message} if "done" in answer else answer)
        for key in _WRAPS:
            inner = answer.get(key)
            if isinstance(inner, dict) and depth == 0 and self._read(inner, depth + 1):
                return True
        if isinstance(answer.get("output"), list):
            return self._items(answer["output"])
        return not (answer.get("error") or answer.get("errors")) and self._bare(answer)

    def _choice(self, choice: object) -> bool:
        if isinstance(choice, str):
            self._say(choice)
            return True
        if not isinstance(choice, dict):
            return False
        finish = next((choice[key] for key in _FINISHES if isinstance(choice.get(key), str) and choice[key]), "")
        self.finish = finish or self.finish
        if isinstance(delta := choice.get("delta"), dict):
            self._message(delta, whole=False)
        elif isinstance(message := choice.get("message"), dict):
            if not message:
                return bool(finish)
            self._message(message, whole=True)
        elif isinstance(message := choice.get("content"), dict | list) or isinstance(choice.get("text"), str):
            self._message({"content": message if message is not None else choice["text"]}, whole=False)
        elif isinstance(choice.get("message"), str):
            self._say(choice["message"])
        else:
            return bool(finish)
        return True

    def _message(self, message: Mapping[str, Any], *, whole: bool) -> None:
        self.has_message = True
        parts = Parts()
        read_content(message.get("content"), parts)
        text = "".join(parts.text)
        if whole:
            so_far = "".join(self.text)
            # The last event of some streams repeats the whole message.
            text = text[len(so_far) :] if so_far and text.startswith(so_far) else text
            self.is_whole = True
        if text:
            self._say(text)
        if parts.thought:
            self._think("", "".join(parts.thought))
        for key in THOUGHTS:
            if (
                key in message
                and (thought := thought_of(message[key]) if message[key] is not None else None) is not None
            ):
                known = "".join(self.thoughts.get(key, ())) if whole else ""
                self._think(key, thought[len(known) :] if known and thought.startswith(known) else thought)
        if isinstance(details := message.get(_DETAILS), list):
            self.details += details[: _MOST_DETAILS - len(self.details)]
        if isinstance(refusal := message.get("refusal"), str):
            self.refusal.append(refusal)
        self.pictures += parts.pictures
        for key in _PICTURES:
            if key in message:
                self.pictures += [picture for picture in pictures_of(message[key]) if picture not in self.pictures]
        if message.get("tool_calls"):
            whole_calls = whole and not self.calls.calls
            if whole_calls or not whole:
                self.calls.add(message["tool_calls"], whole=whole_calls)
        elif isinstance(old := message.get("function_call"), dict) and not (whole and self.calls.calls):
            self.calls.add({"function": old, "index": "function_call"}, whole=False)

    def _items(self, items: list[Any]) -> bool:
        """Read the items of the responses API."""
        found = False
        for item in items:
            if not isinstance(item, dict):
                continue
            match item.get("type"):
                case "function_call":
                    self.calls.add({"function": item, "id": item.get("call_id") or item.get("id")}, whole=True)
                case "reasoning":
                    self._think("", thought_of(item))
                case _:
                    self._message(item, whole=False)
            found = self.has_message = True
        return found

    def _bare(self, answer: Mapping[str, Any]) -> bool:
        """Read an answer without choices: Anthropic's, Ollama's, or what a small gateway makes up."""
        key = next((key for key in _BARE_TEXTS if isinstance(answer.get(key), str | list) and answer[key]), None)
        if key is None:
            if isinstance(delta := answer.get("delta"), str):
                self._say(delta)
                return True
            return False
        self._message({**answer, "content": answer[key]}, whole=False)
        finish = next((answer[key] for key in _FINISHES if isinstance(answer.get(key), str)), "")
        self.finish = finish or self.finish
        return True

    def _say(self, text: str) -> None:
        self.has_message = True
        text, pictures = self._inline.feed(text)
        self.pictures += pictures
        self.text.append(text)
        self._length += len(text)

    def _think(self, key: str, thought: str) -> None:
        self.has_message = True
        self.thoughts.setdefault(key, []).append(thought)
        self._length += len(thought)

    def clear(self) -> None:
        """Forget what was read, because the answer is asked for anew."""
        fresh = AnswerReader()
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))

    def end(self, *, is_stream: bool, is_done: bool) -> None:
        """Note that nothing more comes."""
        if rest := self._inline.rest():
            self.text.append(rest)
            self._length += len(rest)
        if is_stream and not self.finish and not is_done and not self.is_whole:
            self.finish = INCOMPLETE

    @property
    def thought_pieces(self) -> list[str]:
        """Return what the model thought in pieces; of two names for it, those of the one that came first."""
        return next(iter(self.thoughts.values()), [])

    @property
    def reasoning(self) -> str:
        """Return what the model thought; under two names it is the same thought twice."""
        return max(("".join(pieces) for pieces in self.thoughts.values()), key=len, default="")

    def sent_back(self) -> dict[str, Any]:
        """Return the fields that the server may want to have back beside the calls of its message, unchanged."""
        fields: dict[str, Any] = {key: "".join(pieces) for key, pieces in self.thoughts.items() if key}
        if self.details:
            fields[_DETAILS] = self.details
        return fields
