"""The sentences webot says to people, by key, in Chinese or English.

A catalogue is a TOML file of `key = "sentence"`; `{name}` in a sentence is filled in when it is said.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["zh", "en"]


class Catalogue:
    """One language's sentences."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._sentences = load_sentences(language)

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
