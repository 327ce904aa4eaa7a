"""The drafts of chains, as files that a page and an editor on the server may both write: nobody's words are lost."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from chains.catalog.config import MOST_BYTES, is_name, read_text
from chains.catalog.folder import write_file
from pipeline.errors import ChainInvalid
from pipeline.text.i18n import Sentence

DRAFTS = "drafts"

_LOCK = ".lock"
_LOCK_SECONDS = 10.0
_LONGEST_NAME = 200
"""Bytes: a file's name may have 255, of which `.toml` and what writing it adds are some."""


class DraftChanged(ChainInvalid):
    """A draft is not what was last seen of it; `now` is what it is."""

    def __init__(self, name: str, now: "Draft") -> None:
        super().__init__(Sentence("chains.draft_changed", name=name))
        self.now = now


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft's text with its mark, which changes with the text; both empty where there is none."""

    name: str
    text: str = ""
    mark: str = ""

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return bool(self.mark)


class Drafts:
    """The drafts in a folder of chains. All of it reads or writes files."""

    def __init__(self, folder: Path) -> None:
        """Work on the drafts beside a folder's chains; makes nothing before something is written."""
        self._folder = folder / DRAFTS

    def read(self, name: str) -> Draft:
        """Return a draft.

        Raises:
            ChainInvalid: no chain can be called so, or the file holds no text.
        """
        file = self._file(name)
        if not file.exists():
            return Draft(name)
        text = read_text(file)
        return Draft(name, text, _mark(text))

    def write(self, name: str, text: str, *, seen: str | None) -> Draft:
        """Write a draft where it still is what was `seen` of it; None writes over whatever is there.

        Raises:
            DraftChanged: it has changed since.
            ChainInvalid: no chain can be called so, or the text is too large.
        """
        file = self._file(name)
        size = len(text.encode())
        if size > MOST_BYTES:
            raise ChainInvalid(Sentence("mistake.too_large", size=f"{size:,}", most=f"{MOST_BYTES:,}"))
        plain = text.replace("\r\n", "\n").replace("\r", "\n")
        with self._locked():
            self._check(name, seen)
            write_file(file, plain)
        return Draft(name, plain, _mark(plain))

    def delete(self, name: str, *, seen: str | None) -> None:
        """Delete a draft where it still is what was `seen` of it.

        Raises:
            DraftChanged: it has changed since.
        """
        file = self._file(name)
        with self._locked():
            self._check(name, seen)
            file.unlink(missing_ok=True)

    def rename(self, name: str, other: str) -> None:
        """Rename a draft to a name that no draft has.

        Raises:
            ChainInvalid: there is no such draft, or already one of the other name.
        """
        old, new = self._file(name), self._file(other)
        with self._locked():
            if not old.exists():
                raise ChainInvalid(Sentence("mistake.no_draft", name=name, file=str(old)))
            if new.exists():
                raise ChainInvalid(Sentence("chains.name_taken", name=other))
            old.rename(new)

    def _check(self, name: str, seen: str | None) -> None:
        if seen is None:
            return
        now = self.read(name)
        if now.mark != seen:
            raise DraftChanged(name, now)

    def _file(self, name: str) -> Path:
        if not is_name(name) or len(name.encode()) > _LONGEST_NAME:
            raise ChainInvalid(Sentence("chains.bad_name"))
        return self._folder / f"{name}.toml"

    def _locked(self) -> FileLock:
        # Other processes of the service and the shell may write in the same moment.
        self._folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._folder / _LOCK, timeout=_LOCK_SECONDS, thread_local=False)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
