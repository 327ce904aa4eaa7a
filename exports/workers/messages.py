"""What the service asks of a rendering process, and what it gets back, as JSON a line."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from pipeline.exports import Format
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Language


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """Make documents of what is laid out in `folder`.

    `limit` is the bytes a file may have, `name` has no suffix. Pages are made by a `PartRequest` for each part and a
    `BindRequest` for all of them.
    """

    folder: str
    name: str
    format: Format
    engine: PdfEngine
    language: Language
    limit: int
    kind: Literal["render"] = "render"


@dataclass(frozen=True, slots=True)
class PartRequest:
    """Print the part in a file of `folder` as pages beside it."""

    folder: str
    part: str
    engine: PdfEngine
    language: Language
    kind: Literal["part"] = "part"


@dataclass(frozen=True, slots=True)
class BindRequest:
    """Bind the printed parts in `folder`."""

    folder: str
    name: str
    language: Language
    limit: int
    kind: Literal["bind"] = "bind"


Request = RenderRequest | PartRequest | BindRequest


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files made, by name, in the folder's `out`; `plainer` says why another format was taken."""

    format: Format
    files: tuple[str, ...]
    plainer: str = ""
    kind: Literal["rendered"] = "rendered"


@dataclass(frozen=True, slots=True)
class PartRendered:
    """The pages of a part are there, each message whole."""

    kind: Literal["printed"] = "printed"


@dataclass(frozen=True, slots=True)
class PartIncomplete:
    """No engine has set every message of a part whole."""

    reason: str
    kind: Literal["unprintable"] = "unprintable"


@dataclass(frozen=True, slots=True)
class RenderFailed:
    """Nothing could be made."""

    reason: str
    kind: Literal["broken"] = "broken"


Response = Rendered | PartRendered | PartIncomplete | RenderFailed

REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
RESPONSE: TypeAdapter[Response] = TypeAdapter(Response)
