"""What two texts both say and what only one of them says, in time that grows with their length alone."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate

Piece = tuple[str, str, str]
"""What both texts say, what only the first says, what only the second says."""

_WORD = re.compile(r"\w+|\W", re.ASCII)

_MOST_LOOKS = 500_000
"""Pairs of equal words that are looked at for two texts, at some 0.1 µs each.

A sign repeated 2,000 times makes four million pairs of them.
"""


def differences(before: str, after: str) -> Iterator[Piece]:
    """Yield two texts in pieces, by the word; texts too long for that by the line, and by the word within it."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    whole = _Comparison(old, new)
    if whole.looks <= _MOST_LOOKS:
        yield from whole.pieces(_MOST_LOOKS)
        return
    left = _MOST_LOOKS
    for same, gone, come in _Comparison(before.splitlines(keepends=True), after.splitlines(keepends=True)).pieces(left):
        lines = _Comparison(_WORD.findall(gone), _WORD.findall(come))
        if same or not lines.looks or lines.looks > left:
            yield same, gone, come
            continue
        yield from lines.pieces(left)
        left -= lines.looks


class _Comparison:
    """Two texts in units, of which the common ends are known."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self._old = old
        self._new = new
        self._matcher = SequenceMatcher(None, old, new, autojunk=False)
        counts = Counter(new)
        self._sums = [0, *accumulate(1 + counts[unit] for unit in old)]
        """Of the units up to each: how many pairs are looked at for the longest that both have."""
        begin, end, _, _ = self._without_ends(0, len(old), 0, len(new))
        self.looks = self._sums[end] - self._sums[begin]

    def pieces(self, most: int) -> Iterator[Piece]:
        """Yield the texts in pieces after at most so many looks; what is not compared by then is said to differ."""
        at = beside = 0
        for a, b, size in self._blocks(most):
            if a > at or b > beside:
                yield "", "".join(self._old[at:a]), "".join(self._new[beside:b])
            at, beside = a + size, b + size
            if size:
                yield "".join(self._old[a:at]), "", ""

    def _blocks(self, most: int) -> list[tuple[int, int, int]]:
        """Return where the texts are alike, and how far, in their order; the last is their end."""
        blocks = [(len(self._old), len(self._new), 0)]
        ranges = [(0, len(self._old), 0, len(self._new))]
        while ranges:
            whole = ranges.pop()
            begin, end, start, stop = self._without_ends(*whole)
            blocks += [(whole[0], whole[2], begin - whole[0]), (end, stop, whole[1] - end)]
            looks = self._sums[end] - self._sums[begin]
            if begin == end or start == stop or looks > most:
                continue
            most -= looks
            a, b, size = self._matcher.find_longest_match(begin, end, start, stop)
            if size:
                blocks.append((a, b, size))
                ranges += [(begin, a, start, b), (a + size, end, b + size, stop)]
        return _joined(sorted(block for block in blocks if block[2])) + blocks[:1]

    def _without_ends(self, begin: int, end: int, start: int, stop: int) -> tuple[int, int, int, int]:
        while begin < end and start < stop and self._old[begin] == self._new[start]:
            begin, start = begin + 1, start + 1
        while begin < end and start < stop and self._old[end - 1] == self._new[stop - 1]:
            end, stop = end - 1, stop - 1
        return begin, end, start, stop


def _joined(blocks: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return blocks with those made one that follow each other without a gap."""
    joined: list[tuple[int, int, int]] = []
    for a, b, size in blocks:
        if joined and (joined[-1][0] + joined[-1][2], joined[-1][1] + joined[-1][2]) == (a, b):
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + size)
        else:
            joined.append((a, b, size))
    return joined
