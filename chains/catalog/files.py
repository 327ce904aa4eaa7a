"""Reads chain files into a catalogue: the shipped folder, then the company's own, which wins.

The company's own folder may be a share of another machine. While it is away, the chains it had go on as they were.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from chains.catalog.advice import innermost
from chains.catalog.catalog import ChainCatalog, build_catalog, claimed_words, words_of
from chains.catalog.config import SHIPPED, SHIPPED_IN, ChainConfig, parse_chain, read_text
from chains.catalog.diagnostics import located
from chains.catalog.folder import FolderView, Signature, better_name, look, write_file
from chains.catalog.requirements import ChainRequirements, accept_all, requirements_of
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.settings import Settings
from pipeline.text.i18n import Sentence, joined_sentences
from pipeline.text.phrases import placed
from pipeline.text.toml_locations import locate_keys

__all__ = ("ChainFiles", "ChainRequirements", "accept_all", "open_chain_files", "requirements_of")

log = structlog.get_logger()

Place = tuple[int, str]
"""Where a chain's file is: which of the folders, and the chain's name."""

_IN_MEMORY: Signature = (-1, -1, -1)
_FEW = 2
"""So many files do not vanish from a folder at once because somebody deletes them one by one."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file as it was read: its text with the chain it is, or with what is wrong with it."""

    signature: Signature
    text: str
    chain: ChainConfig | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look at all folders showed; `away` is why the company's own is not what it should be."""

    files: Mapping[Place, Signature] = field(default_factory=dict)
    ignored: tuple[Path, ...] = ()
    away: str = ""


@dataclass
class ChainFiles:
    """The chains of some folders; of two with one name, the later folder's counts.

    `catalog` is what answers, before the first load what answered last: a file that cannot be used leaves in it what
    that file said before. Taking the file of a chain away that the settings need changes nothing.
    """

    folders: tuple[Path, ...] = (SHIPPED,)
    requirements: ChainRequirements = field(default_factory=ChainRequirements)
    reserved: tuple[str, ...] = ()
    logs: bool = True
    catalog: ChainCatalog = field(default_factory=lambda: ChainCatalog({}))
    guarded: bool = False
    """Whether somebody else brings files and database together: then a folder that is emptied at once is away, and
    one that is back waits for `load`."""
    returning: bool = False
    """Whether the folder is back, and waits for `load`."""
    _read: dict[Place, ParsedFile] = field(default_factory=dict)
    _used: _Seen = field(default_factory=_Seen)
    _last: _Seen = field(default_factory=_Seen)
    _identity: tuple[int, int] = (0, 0)

    def load(self) -> ChainCatalog:
        """Read every file now."""
        self._take(self._look())
        return self.catalog

    def open(self, requirements: ChainRequirements) -> ChainCatalog:
        """Read every file now, under what the settings ask of chains."""
        self.requirements = requirements
        return self.load()

    def preview(self, requirements: ChainRequirements) -> ChainCatalog:
        """Return the catalogue these chains would make under other requirements; nothing is changed by it.

        Raises `SettingsInvalid` with each chain that answers now and could not under those.
        """
        catalog_made = self._made(*self._gathered(requirements.needed), requirements)
        lost = [
            f"chain {name!r} answers people now and could not go on: {requirements.check(chain) or 'its words are taken'}"  # noqa: E501 -- renaming made it longer
            for name, chain in sorted(self.catalog.chains.items())
            if name not in catalog_made.chains
        ]
        lost += [
            f"chain {name!r} {trial.chain.revision} is on trial and could not go on: {wrong}"
            for name, trial in sorted(self.catalog.trials.items())
            if (wrong := requirements.check(trial.chain))
        ]
        if lost:
            raise SettingsInvalid(lost)
        return catalog_made

    def apply(self, requirements: ChainRequirements, catalog: ChainCatalog) -> None:
        """Apply other requirements from now on, with the catalogue that `preview` returned for them."""
        before, self.catalog, self.requirements = self.catalog, catalog, requirements
        if self.logs:
            _log_changes(before, catalog)

    def refresh(self) -> bool:
        """Take over what has changed since, once it holds still for one look: an editor may be half through writing.

        Reads files. True if the book is another one.
        """
        here = self._look()
        if here == self._used:
            self._last = here
            return False
        if here != self._last:
            self._last = here
            return False
        if self.guarded and self._used.away and not here.away:
            self.returning = True
            return False
        before = self.catalog
        self._take(here)
        return self.catalog is not before

    @property
    def away(self) -> str:
        """Return why the company's own folder is not what it should be; nothing if all is well."""
        return self._used.away

    @property
    def refused(self) -> dict[str, str]:
        """Return the files that are not in use as they are, by their chains' names, with why."""
        found: dict[str, str] = {}
        for (_, name), read in self._read.items():
            if read.chain is None:
                found[name] = read.problem
            elif self.catalog.chains.get(name) is not read.chain:
                found[name] = self.problem_with(read.chain)
            else:
                found.pop(name, None)
        return {name: wrong for name, wrong in found.items() if wrong}

    def leave(self, texts: Mapping[str, str]) -> None:
        """Go on with the texts of the company's own chains while its folder is away. Looks at files."""
        place = len(self.folders) - 1
        for name, text in texts.items():
            self._keep(name, text)
        view = look(self.folders[-1])
        files = {**self._used.files, **{(place, name): _IN_MEMORY for name in texts}}
        self._take(_Seen(files, (), self._away_line(view, len(texts))))

    def own(self, name: str) -> Path:
        """Name the file of the company's own version of a chain."""
        return self.folders[-1] / f"{name}.toml"

    def files(self, folder: Path) -> dict[str, ParsedFile]:
        """Return what was read of a folder, by the chains' names."""
        place = self.folders.index(folder)
        return {name: read for (where, name), read in self._read.items() if where == place}

    def on_disk(self) -> dict[str, ParsedFile]:
        """Read the company's own folder as it is now, whatever is in use. Reads files."""
        folder = self.folders[-1]
        return {name: _parse_file(folder / f"{name}.toml", signature) for name, signature in look(folder).files.items()}

    def write(self, name: str, text: str) -> bool:
        """Make a text the company's own version of a chain, no text for none; False while somebody is editing it."""
        place = (len(self.folders) - 1, name)
        if self._used.away:
            files = {where: signature for where, signature in self._used.files.items() if where != place}
            if text:
                self._keep(name, text)
                files[place] = _IN_MEMORY
            else:
                self._read.pop(place, None)
            self._used = self._last = _Seen(files, self._used.ignored, self._used.away)
            return True
        if self._look().files.get(place) != self._used.files.get(place) and self._differs(name, text):
            return False
        self.put(name, text)
        return True

    def put(self, name: str, text: str) -> None:
        """Write a text into the company's own folder, or delete the file; whatever is in it. Writes files."""
        file = self.own(name)
        if text:
            write_file(file, text)
        else:
            file.unlink(missing_ok=True)

    def problem_with(self, chain: ChainConfig) -> str:
        """Return what keeps a chain from being used beside the others, which may not be in use yet."""
        return next(iter(self.problems_with(chain)), "")

    def problems_with(self, chain: ChainConfig) -> list[str]:
        """Return everything that keeps a chain from being used beside the others."""
        others = [other for name, other in self.catalog.chains.items() if name != chain.name]
        claimed = claimed_words(chain, words_of(others, self.reserved))
        return [*self.requirements.problems(chain), *([claimed] if claimed else [])]

    def _differs(self, name: str, text: str) -> bool:
        try:
            return read_text(self.own(name)) != text
        except ChainInvalid:
            return True

    def _keep(self, name: str, text: str) -> None:
        self._read[len(self.folders) - 1, name] = _parsed(text, self.own(name), _IN_MEMORY)

    def _look(self) -> _Seen:
        files: dict[Place, Signature] = {}
        ignored: list[Path] = []
        away = ""
        for place, folder in enumerate(self.folders):
            view = look(folder)
            if place == len(self.folders) - 1 and (away := self._why_away(view, place)):
                files |= {where: signature for where, signature in self._used.files.items() if where[0] == place}
                continue
            files |= {(place, name): signature for name, signature in view.files.items()}
            ignored += [folder / name for name in view.ignored]
        return _Seen(files, tuple(ignored), away)

    def _why_away(self, view: FolderView, place: int) -> str:
        """Return why the own folder is away, nothing if it is there or never was."""
        had = sum(where[0] == place for where in self._used.files)
        if not had:
            self._identity = view.identity
            return ""
        if view.away is None and view.files:
            self._identity = view.identity
            return ""
        moved = view.identity != self._identity or bool(self._used.away)
        if view.away is None and not moved and not (self.guarded and had >= _FEW):
            return ""
        return self._away_line(view, had)

    def _away_line(self, view: FolderView, count: int) -> Sentence:
        how = view.away or Sentence("mistake.away_empty")
        return Sentence("mistake.folder_away", folder=str(self.folders[-1]), how=how, count=count)

    def _take(self, here: _Seen) -> None:
        self._used = self._last = here
        self.returning = False
        self._read = {place: self._fresh(place, signature) for place, signature in here.files.items()}
        before = self.catalog
        self.catalog = self._made(*self._gathered(self.requirements.needed), self.requirements)
        if self.logs:
            _log_changes(before, self.catalog)

    def _fresh(self, place: Place, signature: Signature) -> ParsedFile:
        known = self._read.get(place)
        if known is not None and known.signature == signature:
            return known
        folder, name = place
        return _parse_file(self.folders[folder] / f"{name}.toml", signature)

    def _gathered(self, needed: frozenset[str]) -> tuple[dict[str, ChainConfig], list[str]]:
        """Return what the files say that were read last, with what is wrong with them."""
        chains: dict[str, ChainConfig] = {}
        problems: list[str] = [self._used.away] if self._used.away else []
        for (_, name), read in self._read.items():
            chain = read.chain
            if chain is None:
                problems.append(read.problem)
                chain = self.catalog.chains.get(name) or chains.get(name)
            if chain is not None:
                chains[name] = chain
        for name in sorted(needed - chains.keys()):
            if (kept := self.catalog.chains.get(name)) is not None:
                chains[name] = kept
                problems.append(Sentence("mistake.of_chain", chain=name, said=Sentence("mistake.file_gone")))
        return chains, problems

    def _made(
        self, chains: Mapping[str, ChainConfig], problems: Iterable[str], requirements: ChainRequirements
    ) -> ChainCatalog:
        made = build_catalog(
            chains,
            previous=self.catalog.chains,
            check=requirements.check,
            reserved=self.reserved,
            problems=problems,
            warnings=map(ignored_line, self._used.ignored),
            place=self._place,
        )
        return made.with_trials(self.catalog.trials)

    def _place(self, name: str, wrong: str) -> str:
        """Return what is wrong with a chain, with its file and the line of the key that it is about."""
        said = Sentence("mistake.of_chain", chain=name, said=wrong)
        folder = max((place for place, known in self._read if known == name), default=None)
        if folder is None:
            # A chain that is in no file.
            return said
        file = self.folders[folder] / f"{name}.toml"
        return located(str(file), said, locate_keys(self._read[folder, name].text), about=wrong)


def open_chain_files(
    settings: Settings, *, reserved: Iterable[str], before: Iterable[ChainConfig] = (), logs: bool = True
) -> ChainFiles:
    """Return the chain files of the settings' folders, not read yet.

    `before` are the chains that answered last, and `reserved` the words of webot's own commands.
    """
    return ChainFiles(
        folders=(SHIPPED_IN[settings.chat.language], Path(settings.storage.data_dir) / "chains"),
        reserved=tuple(reserved),
        logs=logs,
        catalog=ChainCatalog({chain.name: chain for chain in before}),
    )


def ignored_line(file: Path) -> str:
    """Return what is wrong with a file that is not read for its name."""
    said = Sentence("mistake.ignored_file", name=better_name(file.name))
    return placed(str(file), said)


def _parse_file(file: Path, signature: Signature) -> ParsedFile:
    try:
        return _parsed(read_text(file), file, signature)
    except ChainInvalid as error:
        return ParsedFile(signature, "", problem=joined_sentences(error.problems))


def _parsed(text: str, file: Path, signature: Signature) -> ParsedFile:
    try:
        return ParsedFile(signature, text, parse_chain(text, name=file.stem, source=str(file)))
    except ChainInvalid as error:
        return ParsedFile(signature, text, problem=joined_sentences(error.problems))


def _log_changes(before: ChainCatalog, now: ChainCatalog) -> None:
    for name in now.names:
        old = before.chains.get(name)
        if before.chains and (old is None or old.revision != now.chains[name].revision):
            log.info("chain_live", chain=name, revision=now.chains[name].revision)
    for name in sorted(before.chains.keys() - now.chains.keys()):
        log.info("chain_gone", chain=name)
    for problem in now.problems:
        if problem not in before.problems:
            log.error(_event(problem), problem=problem)
    for warning in now.warnings:
        if warning not in before.warnings:
            log.warning("chain_doubtful", problem=warning)


_EVENTS = {
    "mistake.file_gone": "chain_file_gone",
    "mistake.folder_away": "chain_folder_away",
    "mistake.hands_to_nobody": "chain_doubtful",
}


def _event(problem: str) -> str:
    """Name the event of a problem: another one where the chains are used all the same."""
    return _EVENTS.get(innermost(problem), "chain_not_used")
