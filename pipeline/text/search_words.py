"""The words by which texts are found: pairs of neighbouring Chinese characters, and whole words of other writings."""

from collections.abc import Iterator
from itertools import pairwise

import regex  # type: ignore[import-untyped]  # ships no types

from pipeline.text.folding import casefold_nfkc

# Writings that put no space between words: any two neighbouring signs are a word.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}々〇ー"
_RUNS = regex.compile(rf"([{_UNSPACED}]+)|[\p{{L}}\p{{M}}\p{{N}}_--{_UNSPACED}]+", regex.V1)

MOST_SEARCHED = 50_000
"""Characters of a message by whose words it is found; a longer one would keep others waiting while it is recorded."""


def search_words(text: str) -> set[str]:
    """Return every word by which a text is found, folded; a lone Chinese character is none."""
    found: set[str] = set()
    # Folding makes eighteen characters of some.
    for run in _RUNS.finditer(casefold_nfkc(text[:MOST_SEARCHED])[:MOST_SEARCHED]):
        word = run.group()
        if run.group(1) is None:
            found.add(word)
        else:
            found.update(map("".join, pairwise(word)))
    return found


def search_phrases(query: str) -> tuple[str, ...]:
    """Return what a text must contain to be found: the parts of a query between its spaces, folded."""
    return tuple(dict.fromkeys(casefold_nfkc(query).split()))


def contains_phrases(phrases: tuple[str, ...], *texts: str) -> bool:
    """Whether each of some folded phrases stands in one of the texts."""
    left = phrases
    for text in texts:
        if not left:
            break
        folded = casefold_nfkc(text)
        left = tuple(phrase for phrase in left if phrase not in folded)
    return not left


def first_places(phrases: tuple[str, ...], text: str) -> Iterator[tuple[int, int]]:
    """Return where the phrases stand first in a text, as beginning and end, where folding moves nothing before them."""
    lowered = text.casefold()
    if len(lowered) != len(text):
        return
    for phrase in phrases:
        at = lowered.find(phrase)
        if at >= 0:
            yield at, at + len(phrase)
