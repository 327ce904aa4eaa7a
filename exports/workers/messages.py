"""What the service asks of a rendering process, and what it gets back, as JSON a line."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from pipeline.exports import Format
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Language


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """Make documents of what is laid out in `folder`: files of `limit` bytes at most, `name` being without a suffix.

    Pages are made `part` by part, beside the file of that name; without a part, those of all are bound.
    """

    folder: str
    name: str
    format: Format
    engine: PdfEngine
    language: Language
    limit: int
    part: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files made, by name, in the folder's `out`; `plainer` says why another format was taken."""

    format: Format
    files: tuple[str, ...]
    plainer: str = ""
    kind: Literal["rendered"] = "rendered"


@dataclass(frozen=True, slots=True)
class RenderFailed:
    """Nothing could be made; `incomplete` where every engine has left a message out, and none has died."""

    reason: str
    incomplete: bool = False
    kind: Literal["failed"] = "failed"


Response = Rendered | RenderFailed

REQUEST = TypeAdapter(RenderRequest)
RESPONSE: TypeAdapter[Response] = TypeAdapter(Response)
