"""The folders the chains come from, and the book made of them: the shipped ones, and the company's own before them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from chains.book import ChainBook, Check, make_book
from chains.config import SHIPPED, ChainConfig, read_chain
from pipeline.errors import ChainInvalid

log = structlog.get_logger()

Signature = tuple[int, int, int]
"""When a file was written, in nanoseconds, how many bytes it has, and which file it is."""


def anything(_: ChainConfig) -> str:
    """Find nothing wrong with any chain."""
    return ""


@dataclass
class Shelf:
    """The chains of some folders; of two with one name, the later folder's counts.

    `book` is what answers: a file that cannot be used leaves in it what that file said before. `needed` are the
    chains that channels name: taking such a file away changes nothing until the channels no longer do.
    """

    folders: tuple[Path, ...] = (SHIPPED,)
    check: Check = anything
    reserved: tuple[str, ...] = ()
    needed: frozenset[str] = frozenset()
    book: ChainBook = field(default_factory=lambda: ChainBook({}))
    _read: dict[Path, tuple[Signature, ChainConfig | None, str]] = field(default_factory=dict)
    _used: Mapping[Path, Signature] = field(default_factory=dict)
    _seen: Mapping[Path, Signature] = field(default_factory=dict)

    def load(self) -> ChainBook:
        """Read every file now."""
        self._take(self._look())
        return self.book

    def take(self, chains: Mapping[str, ChainConfig]) -> None:
        """Use chains that come from nowhere."""
        self.book = self._made(chains, ())

    def refresh(self) -> bool:
        """Take over what has changed since, once it holds still for one look: an editor may be half through writing.

        Reads files. True if the book is another one.
        """
        here = self._look()
        if here == self._used:
            self._seen = here
            return False
        if here != self._seen:
            self._seen = here
            return False
        before = self.book
        self._take(here)
        return self.book is not before

    def fall_back(self, chains: Iterable[ChainConfig]) -> None:
        """Let chains answer where their files cannot be used and nothing else was there before."""
        missing = {chain.name: chain for chain in chains if chain.name not in self.book.chains}
        if missing:
            self.book = self._made({**missing, **self.book.chains}, self.book.problems)

    def own(self, name: str) -> Path:
        """Name the file of the company's own version of a chain."""
        return self.folders[-1] / f"{name}.toml"

    def _look(self) -> dict[Path, Signature]:
        found: dict[Path, Signature] = {}
        for folder in self.folders:
            if not folder.is_dir():
                continue
            for file in sorted(folder.glob("*.toml")):
                try:
                    stat = file.stat()
                except OSError:
                    # Gone again since it was listed.
                    continue
                found[file] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return found

    def _take(self, here: Mapping[Path, Signature]) -> None:
        self._used = self._seen = here
        chains: dict[str, ChainConfig] = {}
        problems: list[str] = []
        read: dict[Path, tuple[Signature, ChainConfig | None, str]] = {}
        for file, signature in here.items():
            known = self._read.get(file)
            read[file] = known if known is not None and known[0] == signature else (signature, *_read(file))
            _, chain, problem = read[file]
            if chain is None:
                problems.append(problem)
                chain = self.book.chains.get(file.stem) or chains.get(file.stem)
            if chain is not None:
                chains[file.stem] = chain
        for name in sorted(self.needed - chains.keys()):
            if (kept := self.book.chains.get(name)) is not None:
                chains[name] = kept
                problems.append(f"chain {name!r}: its file is gone, and channels of the settings name it")
        self._read = read
        before = self.book
        self.book = self._made(chains, problems)
        _tell(before, self.book)

    def _made(self, chains: Mapping[str, ChainConfig], problems: Iterable[str]) -> ChainBook:
        made = make_book(chains, before=self.book.chains, check=self.check, reserved=self.reserved, problems=problems)
        return made.with_trials(self.book.trials)


def _read(file: Path) -> tuple[ChainConfig | None, str]:
    try:
        return read_chain(file), ""
    except ChainInvalid as error:
        return None, str(error)


def _tell(before: ChainBook, now: ChainBook) -> None:
    for name in now.names:
        old = before.chains.get(name)
        if before.chains and now.chains[name] is not old:
            log.info("chain_live", chain=name, revision=now.chains[name].revision)
    for name in sorted(before.chains.keys() - now.chains.keys()):
        log.info("chain_gone", chain=name)
    for problem in now.problems:
        if problem not in before.problems:
            log.error("chain_not_used", problem=problem)
