"""The pictures there are, and what takes each."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pipeline.text.i18n import Language
from tests.screenshots.chat_pictures import take_chat, take_exported_page, take_first_answer
from tests.screenshots.console_pictures import take_chain, take_conversations, take_doctor, take_replay, take_usage
from tests.screenshots.studio import Studio

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


@dataclass(frozen=True, slots=True)
class PictureKind:
    """What a picture shows; `is_dark_too` where it is there for dark pages as well."""

    name: str
    take: Callable[[Studio, Path], Awaitable[None]]
    is_dark_too: bool = False
    suffix: str = "png"

    def files(self) -> Iterator[tuple[str, Language, bool]]:
        """Yield the files there are of it, each with its language and whether it is dark."""
        for language in get_args(Language):
            yield f"{self.name}.{language}.{self.suffix}", language, False
            if self.is_dark_too:
                yield f"{self.name}.{language}.dark.{self.suffix}", language, True


KINDS = (
    PictureKind("first-answer", take_first_answer, suffix="gif"),
    PictureKind("chat", take_chat, is_dark_too=True),
    PictureKind("exported-page", take_exported_page),
    PictureKind("doctor", take_doctor),
    PictureKind("chain", take_chain, is_dark_too=True),
    PictureKind("replay", take_replay, is_dark_too=True),
    PictureKind("conversations", take_conversations, is_dark_too=True),
    PictureKind("usage", take_usage, is_dark_too=True),
)
