"""The library of personas that people can pick from: ready-made ways for webot to behave."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.text.folding import casefold_nfkc

FOLDER = Path(__file__).parent / "personas"

_LONGEST = 500
"""Characters of a search that are looked for."""


@dataclass(frozen=True, slots=True)
class Persona:
    """One of them; its number never changes and is never given to another."""

    number: int
    name: str
    about: str
    prompt: str
    category: str


@cache
def personas() -> tuple[Persona, ...]:
    """Read the library, by number. Reads files, once."""
    found = [
        Persona(**row, category=document["category"])
        for document in (tomllib.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.toml"))
        for row in document["persona"]
    ]
    return tuple(sorted(found, key=lambda persona: persona.number))


def search(words: str) -> tuple[Persona, ...]:
    """Find the personas that say every one of some words; a persona's own name alone finds it alone."""
    wanted = casefold_nfkc(words[:_LONGEST]).strip()
    named = tuple(persona for persona in personas() if casefold_nfkc(persona.name) == wanted)
    return named or tuple(
        persona for persona in personas() if all(word in _search_text(persona) for word in wanted.split())
    )


@cache
def _search_text(persona: Persona) -> str:
    return casefold_nfkc(f"{persona.category} {persona.name} {persona.about} {persona.prompt}")
