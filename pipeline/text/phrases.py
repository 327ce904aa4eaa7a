"""Puts what is said of settings together from sentences of the catalogue, in whatever language it is shown."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import reduce

from pipeline.text.i18n import Sentence


def placed(place: str, problem: str) -> str:
    """Return what is wrong with its place in front, if it has one."""
    return Sentence("setting.placed", place=place, said=problem) if place else problem


def nearest(name: str, known: Iterable[str], *, alike: float = 0.6) -> str:
    """Return the known name that was most likely meant, or nothing; `alike` is how alike, from 0 to 1."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=alike)), "")


def either(choices: Iterable[str]) -> str:
    """Return choices, at least one, as a phrase: `"zh" or "en"`."""
    return reduce(lambda first, second: Sentence("setting.or", first=first, second=second), choices)


def both(parts: Iterable[str]) -> str:
    """Return parts, at least one, as a phrase: `of at most 20 and above 0`."""
    return reduce(lambda first, second: Sentence("setting.and", first=first, second=second), parts)
