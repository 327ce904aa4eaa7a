"""Splits a model's reasoning from its answer.

Reasoning models mark thoughts in one of the ways `chains.models.parsing.markers` and `chains.models.parsing.harmony`
know, but not always well: the closing tag is missing when the tokens ran out, the opening one when the provider's
template already wrote it, and tags stand inside one another when the thought itself is about them. In inline code and
code blocks, and in the middle of a sentence, a tag is only text. Calls of tools in the text, which no reader can use,
are left out.

Linear: the markers are found in one pass, and the text is walked through once, but for a few looks ahead.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from chains.models.parsing.code import Code
from chains.models.parsing.harmony import channels_of
from chains.models.parsing.markers import (
    WEAK,
    Mark,
    has_no_end,
    marks_of,
    unwrapped,
    without_begun_marker,
    without_boxes,
    without_turn_begin,
    without_turn_end,
)

_MOST_LOOKS = 8
"""How often the rest of an answer may be searched for the end of one thought, code left aside."""

_NEAR = 40
"""Characters around a tag that say what it is."""

_CLOSING_SIGNS = frozenset("”’\"'）)」』》`,，.。、；;：:")
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "…", "~")


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """An answer in its two halves, each without white space around it."""

    reasoning: str
    content: str
    calls: tuple[str, ...] = field(default=(), compare=False)
    """What was written as a call of tools, each from its marker on."""


def split_reasoning(text: str, *, whole: bool = True) -> ParsedAnswer:
    """Separate reasoning from the answer; of a text that is not yet `whole`, only what is certain to be the answer."""
    channels = channels_of(text, whole=whole)
    if channels is not None:
        return ParsedAnswer(channels.thought.strip(), _ended(channels.said, whole=whole).strip(), channels.calls)
    marks = marks_of(text)
    if not marks:
        return ParsedAnswer("", _ended(text, whole=whole).strip())
    return _Walk(text, marks, whole=whole).apart()


def _ended(said: str, *, whole: bool) -> str:
    return without_turn_end(without_boxes(without_turn_begin(said if whole else without_begun_marker(said))))


class _Walk:
    """One pass over an answer and its markers; `_place` is from where on nothing has been told apart yet."""

    def __init__(self, text: str, marks: Sequence[Mark], *, whole: bool) -> None:
        self._text, self._marks, self._whole = text, marks, whole
        self._thoughts: list[str] = []
        self._said: list[str] = []
        self._place = 0
        self._calls: list[str] = []
        self._looks = 0
        self._has_words = False
        self._only_weak = True
        self._code = Code(text, marks)
        self._closes = [number for number, mark in enumerate(marks) if mark.kind == "close"]
        self._tool_ends = [number for number, mark in enumerate(marks) if mark.kind == "tool_end"]

    def apart(self) -> ParsedAnswer:
        """Walk to the end."""
        number = 0
        while number < len(self._marks):
            number = self._step(number)
        said = _ended("".join([*self._said, self._text[self._place :]]), whole=self._whole)
        thought = "\n".join(thought.strip() for thought in self._thoughts if thought.strip())
        said = (unwrapped(said) if self._thoughts else said).strip()
        if self._whole and not said and not self._calls and self._only_weak:
            # Nothing comes after it: it is what was asked for, in tags that mean something else there.
            return ParsedAnswer("", _ended(self._text, whole=True).strip())
        return ParsedAnswer(thought, said, tuple(self._calls))

    def _step(self, number: int) -> int:
        """Do what a marker asks for and return the number of the next one to look at."""
        mark = self._marks[number]
        match mark.kind:
            case "fence" | "ticks":
                return self._code.after(number)
            case "weak" if self._has_words_before(mark):
                return number + 1
            case "weak" | "open":
                return self._think(number)
            case "close":
                if self._ends_thought(mark):
                    # Closed and never opened: all that came before was thought.
                    self._thoughts += [*self._said, self._text[self._place : mark.start]]
                    self._said.clear()
                    self._has_words = self._only_weak = False
                    self._place = mark.end
                return number + 1
            case "tool":
                return self._call(number)
            case "tool_end":
                return number + 1

    def _has_words_before(self, mark: Mark) -> bool:
        # Once there are words they are not looked at again: 25,000 such tags after 200,000 characters took seconds.
        self._has_words = self._has_words or bool(
            any(said.strip() for said in self._said) or self._text[self._place : mark.start].strip()
        )
        return self._has_words

    def _think(self, number: int) -> int:
        """Take a thought; an opening tag that is only mentioned is left in the text."""
        mark = self._marks[number]
        last = self._end_of_thought(number)
        if last is None and self._whole and not self._begins_line(mark):
            return number + 1
        self._said.append(self._text[self._place : mark.start])
        end = len(self._marks) if last is None else last
        self._thoughts.append(self._without_tags(number, end))
        self._only_weak = self._only_weak and mark.kind == "weak" and last is not None
        self._place = len(self._text) if last is None else self._marks[last].end
        return end + 1

    def _end_of_thought(self, number: int) -> int | None:
        """Find the closing tag of a thought; None if it has none, or none yet."""
        first = bisect_left(self._closes, number)
        if first == len(self._closes):
            return None
        if self._looks == _MOST_LOOKS:
            return self._closes[first]
        depth, last, at = 1, None, number + 1
        while at < len(self._marks):
            mark = self._marks[at]
            if mark.kind in {"open", "weak"}:
                depth += 1
            elif mark.kind == "close":
                depth -= 1
                last = at
            if not depth:
                return at
            at = self._code.after(at, in_thought=True) if mark.kind in {"fence", "ticks"} else at + 1
        self._looks += 1
        if not self._whole:
            return None
        # What seemed to be code was begun in the thought and ended in the answer.
        return last if last is not None else self._closes[first]

    def _ends_thought(self, mark: Mark) -> bool:
        """Whether a closing tag that nothing opened ends a thought; in the middle of a sentence it is text."""
        if self._text[mark.start : mark.end].strip("</> ").lower() in WEAK:
            return False
        before, after = self._text[max(0, mark.start - _NEAR) : mark.start], self._text[mark.end : mark.end + _NEAR]
        words = before.rstrip()
        if not words or "\n" in before[len(words) :] or words.endswith(_SENTENCE_ENDS):
            return True
        glued = words == before and words[-1].isalnum()
        if not after.strip(" \t") or after.lstrip(" \t").startswith("\n"):
            return glued or after.lstrip(" \t").startswith("\n\n")
        return glued and not after[0].isspace() and after[0] not in _CLOSING_SIGNS

    def _call(self, number: int) -> int:
        """Leave a call of a tool out; a marker that is only mentioned is left in the text."""
        mark = self._marks[number]
        after = self._text[mark.end : mark.end + _NEAR]
        is_call = after.lstrip()[:1] in {"{", "[", "<", '"'} or not (after.strip() or self._whole)
        last = self._end_of_call(number)
        if last is None:
            endless = has_no_end(self._text[mark.start : mark.end]) and not after[:1].isspace()
            if not (is_call or endless or not self._whole or self._begins_line(mark)):
                return number + 1
        self._said.append(self._text[self._place : mark.start])
        self._place = len(self._text) if last is None else self._marks[last].end
        self._calls.append(self._text[mark.start : self._place])
        return len(self._marks) if last is None else last + 1

    def _end_of_call(self, number: int) -> int | None:
        first = bisect_left(self._tool_ends, number)
        if first == len(self._tool_ends):
            return None
        depth = 1
        for at in range(number + 1, self._tool_ends[-1] + 1):
            kind = self._marks[at].kind
            depth += (kind == "tool") - (kind == "tool_end")
            if not depth:
                return at
        return self._tool_ends[-1]

    def _begins_line(self, mark: Mark) -> bool:
        before = self._text[max(0, mark.start - _NEAR) : mark.start]
        return not before.rpartition("\n")[2].strip() and ("\n" in before or mark.start <= _NEAR)

    def _without_tags(self, first: int, end: int) -> str:
        """Return a thought without the tags in it."""
        parts = []
        place = self._marks[first].end
        for mark in self._marks[first + 1 : end]:
            if mark.kind in {"open", "weak", "close"}:
                parts.append(self._text[place : mark.start])
                place = mark.end
        last = self._marks[end].start if end < len(self._marks) else len(self._text)
        return "".join([*parts, self._text[place:last]])
