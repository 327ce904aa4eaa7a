"""Where code ends among the markers of an answer: in it, a tag is only text."""

from bisect import bisect_left
from collections.abc import Sequence

from chains.models.parsing.markers import Mark

_LONGEST_IN_THOUGHT = 400
"""Characters inline code in a thought may have: a longer one begins with a backtick of the thought's own."""


class Code:
    """Knows for every fence and every run of backticks where the code that it begins ends; linear to make."""

    def __init__(self, text: str, marks: Sequence[Mark]) -> None:
        self._marks = marks
        self._fence_ends = _fence_ends(marks)
        self._tick_ends = _tick_ends(marks)
        self._blank_lines = _places(text, "\n\n")

    def after(self, number: int, *, in_thought: bool = False) -> int:
        """Return the number of the first marker behind the code that one begins; behind the mark itself for no code.

        A block that never ends is code to the last character, but for one in a thought.
        """
        mark = self._marks[number]
        if mark.kind == "fence":
            end = self._fence_ends.get(number)
            if end is not None:
                return end + 1
            return number + 1 if in_thought else len(self._marks)
        end = self._tick_ends.get(number)
        if end is None:
            return number + 1
        last = self._marks[end].start
        blank = bisect_left(self._blank_lines, mark.end)
        is_inline = blank == len(self._blank_lines) or self._blank_lines[blank] >= last
        if not is_inline or (in_thought and last - mark.end > _LONGEST_IN_THOUGHT):
            return number + 1
        return end + 1


def _fence_ends(marks: Sequence[Mark]) -> dict[int, int]:
    """Return for each fence the next one that closes it: of its sign, as long or longer, and alone on its line."""
    ends: dict[int, int] = {}
    # Fences that come, nearest last; a nearer one that is as long hides one behind it.
    coming: dict[str, list[int]] = {"`": [], "~": []}
    for number in range(len(marks) - 1, -1, -1):
        mark = marks[number]
        if mark.kind != "fence":
            continue
        those = coming[mark.rail[0]]
        found = next((one for one in reversed(those) if len(marks[one].rail) >= len(mark.rail)), None)
        if found is not None:
            ends[number] = found
        if mark.bare:
            while those and len(marks[those[-1]].rail) <= len(mark.rail):
                those.pop()
            those.append(number)
    return ends


def _tick_ends(marks: Sequence[Mark]) -> dict[int, int]:
    """Return for each run of backticks the next one that is as long."""
    ends: dict[int, int] = {}
    coming: dict[int, int] = {}
    for number in range(len(marks) - 1, -1, -1):
        mark = marks[number]
        if mark.kind == "ticks":
            length = mark.end - mark.start
        elif mark.rail.startswith("`"):
            length = len(mark.rail)
        else:
            continue
        if length in coming:
            ends[number] = coming[length]
        coming[length] = number
    return ends


def _places(text: str, sign: str) -> list[int]:
    places = []
    place = text.find(sign)
    while place >= 0:
        places.append(place)
        place = text.find(sign, place + 1)
    return places
