"""What a model thought aloud, told apart from what it says.

Reasoning models mark it `<think>…</think>` at the start of the answer, but not always well: the closing tag is
missing when the tokens ran out, the opening one when the provider's template already wrote it, and tags stand
inside one another when the thought itself is about them. In inline code and code blocks a tag is only text.
"""

import re
from dataclasses import dataclass

_NAMES = ("think", "thinking", "thought")
_TAG = re.compile(rf"<\s*(?P<end>/?)\s*(?:{'|'.join(_NAMES)})\s*>", re.IGNORECASE)
_MARK = re.compile(
    rf"(?P<fence>^ {{0,3}}(?P<rail>`{{3,}}|~{{3,}}))|(?P<ticks>`+)|{_TAG.pattern}",
    re.IGNORECASE | re.MULTILINE,
)
_BEGUN_TAG = re.compile(r"<\s*/?\s*([a-z]*)\s*$", re.IGNORECASE)
_LONGEST_BEGUN_TAG = 24


@dataclass(frozen=True, slots=True)
class Spoken:
    """An answer in its two halves, each without white space around it."""

    thought: str
    said: str


def apart(text: str, *, whole: bool = True) -> Spoken:
    """Tell thought from speech; of a text that is not yet `whole`, only what is certain to be speech is said."""
    if "<" not in text:
        return Spoken("", text.strip())
    thoughts: list[str] = []
    said: list[str] = []
    place = 0
    look = 0
    while (mark := _MARK.search(text, look)) is not None:
        if mark["fence"] is not None or mark["ticks"] is not None:
            look = _after_code(text, mark)
        elif mark["end"]:
            # Closed and never opened: all that came before was thought.
            thoughts += [*said, text[place : mark.start()]]
            said.clear()
            place = look = mark.end()
        elif (end := _end_of_thought(text, mark, whole=whole)) is not None:
            said.append(text[place : mark.start()])
            thoughts.append(_TAG.sub("", text[mark.end() : end]))
            place = look = end
        else:
            look = mark.end()
    rest = text[place:]
    said.append(rest if whole else _without_begun_tag(rest))
    return Spoken("\n".join(thought.strip() for thought in thoughts if thought.strip()), "".join(said).strip())


def _after_code(text: str, mark: re.Match[str]) -> int:
    """Find the end of the code that begins at a mark: a block that never ends is code to the last character."""
    if (rail := mark["rail"]) is not None:
        closing = re.compile(rf"^ {{0,3}}{re.escape(rail[0])}{{{len(rail)},}}\s*$", re.MULTILINE)
        end = closing.search(text, mark.end())
        return end.end() if end else len(text)
    ticks = mark["ticks"]
    closing = re.compile(rf"(?<!`){ticks}(?!`)")
    end = closing.search(text, mark.end())
    inline = end is not None and "\n\n" not in text[mark.end() : end.start()]
    return end.end() if end and inline else mark.end()


def _end_of_thought(text: str, opened: re.Match[str], *, whole: bool) -> int | None:
    """Find where a thought ends, its closing tag included; None if the opening tag was only mentioned."""
    depth = 1
    last = None
    for tag in _TAG.finditer(text, opened.end()):
        if text[tag.start() - 1] == "`" and text[tag.end() : tag.end() + 1] == "`":
            continue
        depth += -1 if tag["end"] else 1
        last = tag.end() if tag["end"] else last
        if depth == 0:
            return last
    if last is not None and whole:
        return last
    begins_line = not text[: opened.start()].rpartition("\n")[2].strip()
    return len(text) if begins_line or last is not None or not whole else None


def _without_begun_tag(text: str) -> str:
    begun = _BEGUN_TAG.search(text, max(0, len(text) - _LONGEST_BEGUN_TAG))
    if begun is None or not any(name.startswith(begun[1].lower()) for name in _NAMES):
        return text
    return text[: begun.start()]
