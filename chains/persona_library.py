"""The library of personas that people can pick from: ready-made ways for webot to behave, and the company's own."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.text.folding import casefold_nfkc, simplified
from pipeline.text.i18n import Language
from pipeline.text.toml_syntax import parse_toml

log = structlog.get_logger()

FOLDER = Path(__file__).parent / "personas"

SHIPPED_IN: Mapping[Language, Path] = {"zh": FOLDER, "en": FOLDER / "english"}
"""The folder of the ready-made personas, by the language webot speaks in the chat; a number is the same one in both."""

_LONGEST = 500
"""Characters of a search that are looked for."""

_MOST_BYTES = 1_000_000
_KEPT = 8


class Persona(BaseModel):
    """One of them; its number never changes and is never given to another."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    number: int = Field(ge=1, lt=1_000_000)
    name: str = Field(min_length=1)
    about: str = ""
    prompt: str = Field(min_length=1)
    category: str = ""


class _PersonaFile(BaseModel):
    """A file of the library: personas of one category."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str = Field(min_length=1)
    persona: list[dict[str, object]]


def personas(own: Path | None = None, language: Language = "zh") -> tuple[Persona, ...]:
    """Return the library by number, with those of the company's own folder; one of theirs may replace one of ours.

    Reads files: ours once, theirs again whenever they have changed.
    """
    found = {persona.number: persona for persona in _shipped(language)}
    if own is not None:
        found |= {persona.number: persona for persona in _read(_read_folders(own))}
    return tuple(found[number] for number in sorted(found))


def search(words: str, own: Path | None = None, language: Language = "zh") -> tuple[Persona, ...]:
    """Find the personas that say every one of some words; a persona's own name alone finds it alone."""
    wanted = casefold_nfkc(simplified(words[:_LONGEST])).strip()
    there = personas(own, language)
    named = tuple(persona for persona in there if casefold_nfkc(simplified(persona.name)) == wanted)
    return named or tuple(persona for persona in there if all(word in _search_text(persona) for word in wanted.split()))


@cache
def _shipped(language: Language) -> tuple[Persona, ...]:
    return tuple(persona for file in SHIPPED_IN[language].glob("*.toml") for persona in _personas_of(file))


def _read_folders(folder: Path) -> tuple[tuple[Path, int, int], ...]:
    """Return the files of a folder, each with when it was written and how many bytes it has."""
    found: list[tuple[Path, int, int]] = []
    for file in sorted(folder.glob("*.toml")):
        # Gone again since it was listed.
        with suppress(OSError):
            at = file.stat()
            found.append((file, at.st_mtime_ns, at.st_size))
    return tuple(found)


@lru_cache(_KEPT)
def _read(files: tuple[tuple[Path, int, int], ...]) -> tuple[Persona, ...]:
    found: list[Persona] = []
    for file, _, size in files:
        try:
            if size > _MOST_BYTES:
                message = f"has {size} bytes, {_MOST_BYTES} at most"
                raise ValueError(message)  # noqa: TRY301 (told like every other mistake)
            found += _personas_of(file)
        except (OSError, ValueError) as error:
            # The others are there all the same.
            log.error("persona_file_not_used", file=str(file), problem=_line(error))  # noqa: TRY400 (a mistake, no fault)
    return tuple(found)


def _personas_of(file: Path) -> Iterator[Persona]:
    document = _PersonaFile.model_validate(parse_toml(file.read_text(encoding="utf-8-sig")))
    yield from [Persona.model_validate({**row, "category": document.category}) for row in document.persona]


def _line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return str(error)


@lru_cache(1024)
def _search_text(persona: Persona) -> str:
    return casefold_nfkc(simplified(f"{persona.category} {persona.name} {persona.about} {persona.prompt}"))
