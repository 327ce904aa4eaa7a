"""Chains as prompt engineers write them: one TOML file each, checked when it is read, never half taken."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ChainInvalid

SHIPPED = Path(__file__).parent / "configs"


class ChainConfig(BaseModel):
    """How one chain answers. What is left out, or None, is as the table `[chat]` of the settings says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """What channels call the chain: the file's name without `.toml`."""
    description: str = ""
    """What the chain is for, for whoever chooses among chains."""
    model: str = "default"
    """The table under `[models]` that answers."""
    system_prompt: str = ""
    """Said to the model before everything else, unless the person or `[chat]` has words of their own."""
    turns: int | None = Field(default=None, ge=0, le=1000)
    """How many of the person's earlier messages the model sees, each with its reply."""
    idle_minutes: int | None = Field(default=None, ge=0)
    """Minutes of quiet after which a new conversation starts by itself; 0 for never."""

    @cached_property
    def revision(self) -> str:
        """Name the content: the same words always give the same 12 hexadecimal digits.

        Neither the chain's name nor a key that says what leaving it out says changes it.
        """
        content = self.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


class ChainBook:
    """The chains there are. A turn looks its chain up once and keeps what it got to its end."""

    def __init__(self, chains: Mapping[str, ChainConfig]) -> None:
        self._chains = dict(chains)

    @classmethod
    def read(cls, folder: Path = SHIPPED) -> "ChainBook":
        """Read every chain of a folder; `ChainInvalid` for the first that cannot be used."""
        return cls({file.stem: read_chain(file) for file in sorted(folder.glob("*.toml"))})

    @property
    def names(self) -> tuple[str, ...]:
        """Give the chains' names, sorted."""
        return tuple(sorted(self._chains))

    def chain(self, name: str) -> ChainConfig:
        """Give a chain as it is now; `ChainInvalid` names the ones there are."""
        try:
            return self._chains[name]
        except KeyError:
            raise ChainInvalid(f"there is no chain {name!r}; there are {', '.join(self.names)}") from None


def read_chain(file: Path) -> ChainConfig:
    """Read one chain; `ChainInvalid` names the file, the key, what was found and what would be right."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ChainInvalid(f"{file}: not TOML in UTF-8: {error}") from error
    if document.setdefault("name", file.stem) != file.stem:
        raise ChainInvalid(f"{file}: name: found {document['name']!r}, the file's own name says {file.stem!r}")
    return chain_of(document, source=str(file))


def chain_of(document: Mapping[str, Any], *, source: str) -> ChainConfig:
    """Check what somebody wrote; `source` is what an error calls it."""
    try:
        return ChainConfig.model_validate(dict(document), strict=True)
    except ValidationError as error:
        raise ChainInvalid("\n".join(f"{source}: {_explained(problem)}" for problem in error.errors())) from error


def _explained(problem: Mapping[str, Any]) -> str:
    key = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{key}: no such key; there are {', '.join(ChainConfig.model_fields)}"
    return f"{key}: found {problem['input']!r}; {problem['msg'][0].lower()}{problem['msg'][1:]}"
