"""What the service asks of a rendering process, and what it gets back, as JSON a line."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from pipeline.exports import Format
from pipeline.settings import PdfEngine
from pipeline.words import Language


@dataclass(frozen=True, slots=True)
class RenderOrder:
    """Make documents of the transcripts in `folder`; `limit` is the bytes a file may have, `name` has no suffix."""

    folder: str
    name: str
    format: Format
    engine: PdfEngine
    language: Language
    limit: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files made, by name, in the folder's `out`; `plainer` says why another format was taken."""

    format: Format
    files: tuple[str, ...]
    plainer: str = ""
    kind: Literal["rendered"] = "rendered"


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing could be made."""

    reason: str
    kind: Literal["broken"] = "broken"


ORDER = TypeAdapter(RenderOrder)
ANSWER: TypeAdapter[Rendered | Broken] = TypeAdapter(Rendered | Broken)
