"""The pictures of a transcript, laid out in a folder for whoever writes it."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.replies import StoredMedia

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}


def file_name(media: StoredMedia) -> str:
    """Name a picture's file by its content; empty for what is no picture a page can show."""
    suffix = _SUFFIXES.get(media.mime)
    return f"{media.sha256}{suffix}" if suffix else ""


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """A folder of pictures by `file_name`."""

    folder: Path

    def of(self, media: StoredMedia) -> Path | None:
        """Return the file of a picture, None when it is not to be had."""
        name = file_name(media)
        path = self.folder / name
        return path if name and path.is_file() else None
