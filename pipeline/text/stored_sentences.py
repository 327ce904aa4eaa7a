"""Reads sentences of the catalogue out of what was stored of them, so that each reader has them in their language.

Reasons of failures are stored as English text, which holds nothing of a database's shape and can be read in a dump.
Here that text is matched with the sentences it can be: their fixed words, in order, and what stands between.
"""

import ast
import re
import string
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

from pipeline.text.i18n import Catalogue, Sentence, in_language, load_sentences

_TABLES = ("reason", "wecom", "cause", "database", "os", "setting", "mistake", "model_table", "mcp_table")
"""The tables of what is said in reasons, and within them."""
_FORMER = (
    ("reason.answering_broke", "{kind} while answering"),
    ("reason.sending_broke", "{kind} while sending"),
    ("reason.own_limit", "no answer within {seconds} s: waited for a limit of the settings"),
    ("reason.no_answer_within", "no answer within {seconds} s"),
    ("reason.begun", "begun {attempts} times and never ended"),
    ("reason.sending_begun", "sending was begun {attempts} times and never ended"),
    ("reason.no_outcome", "the chain ended without an outcome"),
    ("reason.gathered", "answered with the next message"),
    ("reason.refused_note", "{revision} refused"),
    ("reason.callback_kinds", "a bot that is called back sends words and pictures alone"),
)
"""Sentences as earlier versions stored them, each with the key of what it says today."""
_FORMER_MODEL = re.compile(r"\[models\.([^\]\n]+)\]: (\w+(?:Error|Exception|Timeout)(?!\w).*)", re.DOTALL)
"""A model's failure as earlier versions stored it: the error's class, and what it said."""
_LONGEST = 2000
_MOST_PARTS = 64
_ENOUGH_LETTERS = 7
"""A sentence of fewer fixed letters, such as `{place}: {said}`, is one only where its parts are sentences, too."""


@dataclass(frozen=True, slots=True)
class _Template:
    """A sentence as fixed texts and the blanks between them, one fewer; `quoted` blanks are written as Python does."""

    key: str
    fixed: tuple[str, ...]
    blanks: tuple[str, ...]
    quoted: frozenset[int]

    @property
    def letters(self) -> int:
        """Return how many letters are fixed."""
        return sum(map(str.isalpha, "".join(self.fixed)))

    def parts(self, text: str) -> list[str] | None:
        """Return what fills the blanks of a text; None where it is not this sentence. Takes linear time."""
        first, *between = self.fixed
        if not between:
            return [] if text == first else None
        last = between.pop()
        if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
            return None
        found, at, end = [], len(first), len(text) - len(last)
        for fixed in between:
            place = text.find(fixed, at, end)
            if place < 0:
                return None
            found.append(text[at:place])
            at = place + len(fixed)
        return [*found, text[at:end]]


def stored_sentence(text: str) -> str:
    """Return stored text as the sentence it is; a sentence, and text that is none, stays as it is."""
    if isinstance(text, Sentence):
        return text
    return _read_whole(text) if 0 < len(text) <= _LONGEST else text


def stored_in_language(text: str, catalogue: Catalogue) -> str:
    """Return stored text as a catalogue says it; text that is no sentence stays as it is."""
    return in_language(stored_sentence(text), catalogue)


@lru_cache(maxsize=512)
def _read_whole(text: str) -> str:
    return _Reading().read(text)


@dataclass(slots=True)
class _Reading:
    """Reads one text and what its blanks hold; of a text made of very many parts the rest stays as it is."""

    left: int = _MOST_PARTS

    def read(self, text: str) -> str:
        """Return the sentence that a text is, or the text."""
        if self.left == 0:
            return text
        self.left -= 1
        if former := _FORMER_MODEL.fullmatch(text):
            failed = Sentence("cause.model_facts", sentence=Sentence("cause.model_failed"), facts=former[2])
            return Sentence("reason.of_model", model=former[1], said=failed)
        return next(filter(None, (self._as(template, text) for template in _templates())), text)

    def _as(self, template: _Template, text: str) -> Sentence | None:
        parts = template.parts(text)
        if parts is None or not all(parts):
            return None
        values = {
            blank: self._value(part, quoted=place in template.quoted)
            for place, (blank, part) in enumerate(zip(template.blanks, parts, strict=True))
        }
        known = template.letters >= _ENOUGH_LETTERS or not values
        return _sentence(template.key, values) if known or any(map(_is_sentence, values.values())) else None

    def _value(self, part: str, *, quoted: bool) -> object:
        if quoted:
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                return ast.literal_eval(part)
        # Leading noughts are part of a code.
        return int(part) if part.isascii() and part.isdigit() and str(int(part)) == part else self.read(part)


def _is_sentence(value: object) -> bool:
    return isinstance(value, Sentence)


def _sentence(key: str, values: dict[str, object]) -> Sentence | None:
    """Return a sentence filled in; None where the text was another that only begins and ends alike."""
    try:
        return Sentence(key, **values)
    except (KeyError, ValueError, IndexError):
        return None


@cache
def _templates() -> tuple[_Template, ...]:
    """Return all that a text can be: those of the most fixed words first, then those of few in the tables' order."""
    english = ((key, said) for key, said in load_sentences("en").items() if key.partition(".")[0] in _TABLES)
    found = [made for key, said in (*english, *_FORMER) for made in _made(key, said)]
    return tuple(sorted(found, key=_rank))


def _rank(template: _Template) -> tuple[int, int]:
    length = sum(map(len, template.fixed))
    few = template.letters < _ENOUGH_LETTERS and template.blanks
    return (1 + _TABLES.index(template.key.partition(".")[0]) if few else 0), -length


def _made(key: str, said: str) -> Iterator[_Template]:
    """Yield the forms of a sentence, one for each choice of singular and plural."""
    pieces: list[tuple[str, ...]] = [("",)]
    blanks: list[str] = []
    quoted: set[int] = set()
    for text, name, form, conversion in string.Formatter().parse(said):
        pieces[-1] = tuple(each + text for each in pieces[-1])
        if name is None:
            continue
        if form and "/" in form:
            pieces[-1] = tuple(each + choice for each in pieces[-1] for choice in form.split("/"))
            continue
        if conversion == "r":
            quoted.add(len(blanks))
        blanks.append(name)
        pieces.append(("",))
    for fixed in product(*pieces):
        yield _Template(key, fixed, tuple(blanks), frozenset(quoted))
