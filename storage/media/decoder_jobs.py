"""What a decoding process is asked to do and what it answers, as bytes on a socket; imports next to nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import TooLarge, Unreadable
from pipeline.text.i18n import Sentence

Work = Literal["fit picture", "shrink picture", "decode sound", "encode speech", "read pdf"]

BEGUN = b"+"
"""The first byte of an answer: from here on a process that ends without one was ended by what it was given."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be made of some bytes; `largest` is how large it may be: a picture in bytes, a text in characters."""

    work: Work
    largest: int = 0

    def written(self) -> bytes:
        """Return the line that goes before the bytes."""
        return json.dumps({"work": self.work, "largest": self.largest}).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Job":
        """Read what `written` wrote."""
        return cls(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a job: one file or several, and the format where it was not asked for."""

    files: tuple[bytes, ...]
    format: str = ""

    def written(self) -> bytes:
        """Return the answer, `BEGUN` left out."""
        return _answer(self.files, format=self.format)


def refused(error: Unreadable) -> bytes:
    """Return the answer that says why nothing was made, `BEGUN` left out."""
    return _answer((), error=str(error), most=error.most if isinstance(error, TooLarge) else None)


def read_answer(answer: bytes) -> Made:
    """Read an answer, `BEGUN` left out.

    Raises:
        Unreadable: nothing could be made of the bytes; an answer that breaks off, because the process died, is one.
        TooLarge: they are beyond what is decoded.
    """
    line, ended, rest = answer.partition(b"\n")
    if not ended:
        raise Unreadable(Sentence("reason.decoder_died"))
    head = json.loads(line)
    if head["error"] is not None:
        raise Unreadable(head["error"]) if head["most"] is None else TooLarge(head["error"], most=head["most"])
    files = []
    for length in head["lengths"]:
        files.append(rest[:length])
        rest = rest[length:]
    return Made(tuple(files), head["format"])


def _answer(files: Sequence[bytes], *, format: str = "", error: str | None = None, most: int | None = None) -> bytes:  # noqa: A002 (the field's name)
    head = {"lengths": [len(file) for file in files], "format": format, "error": error, "most": most}
    return b"".join((json.dumps(head).encode(), b"\n", *files))
