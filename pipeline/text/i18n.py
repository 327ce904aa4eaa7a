"""The sentences webot says to people, by key, in Chinese or English.

A catalogue is a TOML file of `key = "sentence"`; `{name}` in a sentence is filled in when it is said.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal, Self

Language = Literal["zh", "en"]


class Catalogue:
    """One language's sentences."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._sentences = load_sentences(language)

    def has(self, key: str) -> bool:
        """Whether there is a sentence of this key."""
        return key in self._sentences

    def text(self, key: str, /, **values: object) -> str:
        """Return the sentence with its blanks filled; a key no catalogue has is a `KeyError`."""
        return self._sentences[key].format(**values)


@cache
def load_sentences(language: Language) -> dict[str, str]:
    """Read every sentence of one language."""
    text = files("pipeline").joinpath(f"catalogues/{language}.toml").read_text(encoding="utf-8")
    return {
        f"{table}.{key}": sentence
        for table, sentences in tomllib.loads(text).items()
        for key, sentence in sentences.items()
    }


class Sentence(str):
    """A sentence of the catalogue as English text, which can still be said in another language.

    Errors and log lines take it as the text it is; who shows it to people says it by `in_language`.
    """

    __slots__ = ("key", "values")
    key: str
    values: dict[str, object]

    def __new__(cls, key: str, /, **values: object) -> Self:
        """Fill the blanks of a sentence; a blank may be filled with another sentence."""
        made = super().__new__(cls, load_sentences("en")[key].format(**values))
        made.key, made.values = key, values
        return made


def in_language(text: str, catalogue: Catalogue) -> str:
    """Return a text as a catalogue says it; one that is no sentence of the catalogue stays as it is."""
    if not isinstance(text, Sentence):
        return text
    values = {
        name: in_language(value, catalogue) if isinstance(value, str) else value for name, value in text.values.items()
    }
    return catalogue.text(text.key, **values)


# Said by whoever checks something, which may be the event loop: that reads no files.
load_sentences("en")
