"""Reads chain files into a catalogue: the shipped folder, then the company's own, which wins."""

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from chains.catalog.catalog import ChainCatalog, Check, build_catalog
from chains.catalog.config import SHIPPED, ChainConfig, parse_chain, read_text
from chains.catalog.diagnostics import locate_keys
from chains.models.registry import ModelRegistry
from chains.models.tables import OUR_OWN
from chains.tooling.mcp import unknown_tool
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.settings import Settings

log = structlog.get_logger()

Place = tuple[int, str]
"""Where a chain's file is: which of the folders, and the chain's name."""

_READABLE_FILE, _READABLE_FOLDER = 0o644, 0o755

Signature = tuple[int, int, int]
"""When a file was written, in nanoseconds, how many bytes it has, and which file it is."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file as it was read: its text with the chain it is, or with what is wrong with it."""

    signature: Signature
    text: str
    chain: ChainConfig | None = None
    problem: str = ""


def accept_all(_: ChainConfig) -> str:
    """Accept every chain."""
    return ""


@dataclass(frozen=True, slots=True)
class ChainRequirements:
    """What the settings ask of the chains: a check that each has to pass, and those that channels name."""

    check: Check = accept_all
    needed: frozenset[str] = frozenset()


def requirements_of(settings: Settings, models: ModelRegistry) -> ChainRequirements:
    """Return what some settings, with their models, ask of the chains."""

    def check(chain: ChainConfig) -> str:
        unknown = sorted(set(chain.channels) - settings.channels.keys())
        if unknown:
            return f"channels: found {unknown[0]!r}, there are {', '.join(sorted(settings.channels))}"
        for key, name in (("model", chain.model), ("chooser", chain.chooser or chain.model)):
            if name not in models.names:
                return f"{key}: found {name!r}, there are {', '.join(models.names)}"
        if wrong := unknown_tool(chain.tools, settings):
            return wrong
        ours = sorted({"model", *OUR_OWN} & chain.options.keys())
        return f"options.{ours[0]}: webot sets this itself; take it out" if ours else ""

    return ChainRequirements(check, frozenset(table.chain for table in settings.channels.values()))


@dataclass
class ChainFiles:
    """The chains of some folders; of two with one name, the later folder's counts.

    `catalog` is what answers, before the first load what answered last: a file that cannot be used leaves in it what
    that file said before. Taking the file of a chain away that the settings need changes nothing.
    """

    folders: tuple[Path, ...] = (SHIPPED,)
    requirements: ChainRequirements = ChainRequirements()
    reserved: tuple[str, ...] = ()
    logs: bool = True
    catalog: ChainCatalog = field(default_factory=lambda: ChainCatalog({}))
    _read: dict[Place, ParsedFile] = field(default_factory=dict)
    _used: Mapping[Place, Signature] = field(default_factory=dict)
    _seen: Mapping[Place, Signature] = field(default_factory=dict)

    def load(self) -> ChainCatalog:
        """Read every file now."""
        self._take(self._look())
        return self.catalog

    def use(self, chains: Mapping[str, ChainConfig]) -> None:
        """Use chains that come from nowhere."""
        self.catalog = self._made(chains, (), self.requirements)

    def preview(self, requirements: ChainRequirements) -> ChainCatalog:
        """Return the book these chains would make under other demands; nothing is changed by it.

        Raises `SettingsInvalid` with each chain that answers now and could not under those.
        """
        book = self._made(*self._gathered(requirements.needed), requirements)
        lost = [
            f"chain {name!r} answers people now and could not go on: {requirements.check(chain) or 'its words are taken'}"  # noqa: E501 -- renaming made it longer
            for name, chain in sorted(self.catalog.chains.items())
            if name not in book.chains
        ]
        lost += [
            f"chain {name!r} {trial.chain.revision} is on trial and could not go on: {wrong}"
            for name, trial in sorted(self.catalog.trials.items())
            if (wrong := requirements.check(trial.chain))
        ]
        if lost:
            raise SettingsInvalid(lost)
        return book

    def apply(self, requirements: ChainRequirements, catalog: ChainCatalog) -> None:
        """Meet other demands from now on, with the book that is suited to them."""
        before, self.catalog, self.requirements = self.catalog, catalog, requirements
        if self.logs:
            _log_changes(before, catalog)

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
        before = self.catalog
        self._take(here)
        return self.catalog is not before

    def own(self, name: str) -> Path:
        """Name the file of the company's own version of a chain."""
        return self.folders[-1] / f"{name}.toml"

    def files(self, folder: Path) -> dict[str, ParsedFile]:
        """Return what was read of a folder, by the chains' names."""
        place = self.folders.index(folder)
        return {name: read for (where, name), read in self._read.items() if where == place}

    def write(self, name: str, text: str) -> bool:
        """Make a text the company's own version of a chain, no text for none; False while somebody is editing it."""
        file = self.own(name)
        place = (len(self.folders) - 1, name)
        if self._look().get(place) != self._used.get(place):
            return False
        if not text:
            file.unlink(missing_ok=True)
            return True
        if not file.parent.exists():
            file.parent.mkdir(parents=True)
            file.parent.chmod(_READABLE_FOLDER)
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_text(text, encoding="utf-8")
        # The service may run under another account than the shell that publishes.
        fresh.chmod(_mode_of(file))
        fresh.replace(file)
        return True

    def problem_with(self, chain: ChainConfig) -> str:
        """Return what keeps a chain from being used beside the others, which may not be in use yet."""
        others = {name: other for name, other in self.catalog.chains.items() if name != chain.name}
        made = build_catalog(
            {**others, chain.name: chain},
            previous=others,
            check=self.requirements.check,
            reserved=self.reserved,
            problems=(),
        )
        about = f"chain {chain.name!r}: "
        return next((problem.removeprefix(about) for problem in made.problems if problem.startswith(about)), "")

    def _look(self) -> dict[Place, Signature]:
        found: dict[Place, Signature] = {}
        for place, folder in enumerate(self.folders):
            # Not glob and no paths: a thousand files are looked at four times a second.
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    name, dot, ending = entry.name.rpartition(".")
                    if not dot or ending != "toml" or name.startswith("."):
                        continue
                    # Gone again since it was listed: as if it had not been.
                    with suppress(OSError):
                        stat = entry.stat()
                        found[place, name] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return found

    def _take(self, here: Mapping[Place, Signature]) -> None:
        self._used = self._seen = here
        self._read = {place: self._fresh(place, signature) for place, signature in here.items()}
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
        if not self.folders:
            return dict(self.catalog.chains), []
        chains: dict[str, ChainConfig] = {}
        problems: list[str] = []
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
                problems.append(f"chain {name!r}: its file is gone, and channels of the settings name it")
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
            place=self._place,
        )
        return made.with_trials(self.catalog.trials)

    def _place(self, name: str, wrong: str) -> str:
        """Name the file and the line of the key that `problem_with` begins with.

        Nothing for a chain that is in no file.
        """
        folder = max((place for place, known in self._read if known == name), default=None)
        if folder is None:
            return ""
        keys = wrong.partition(":")[0].split(", ")
        lines = locate_keys(self._read[folder, name].text).lines
        line = next((lines[key,] for key in keys if (key,) in lines), 0)
        return f"{self.folders[folder] / f'{name}.toml'}:{f'{line}:' if line else ''} "


class CatalogView:
    """The book that one reading of the settings answers from: the shelf's as it changes, until it is held fast."""

    def __init__(self, chain_files: ChainFiles, *, preview: ChainCatalog | None = None) -> None:
        """Open it; `preview` is one that is not on the shelf yet."""
        self._chain_files = chain_files
        self._frozen = preview

    @property
    def now(self) -> ChainCatalog:
        """Return the chains as they are now."""
        return self._chain_files.catalog if self._frozen is None else self._frozen

    def follow(self) -> None:
        """Go with the shelf from now on."""
        self._frozen = None

    def freeze(self) -> None:
        """Stay as it is: the shelf turns to other settings."""
        self._frozen = self._chain_files.catalog


def open_chain_files(
    settings: Settings,
    *,
    requirements: ChainRequirements,
    reserved: Iterable[str],
    before: Iterable[ChainConfig] = (),
    catalog: ChainCatalog | None = None,
    logs: bool = True,
) -> ChainFiles:
    """Read the chains of the settings' folders, or take the ones of a book. Reads files.

    `before` are those that answered last, and `reserved` the words of webot's own commands.
    """
    shelf = ChainFiles(
        folders=() if catalog is not None else (SHIPPED, Path(settings.storage.data_dir) / "chains"),
        requirements=requirements,
        reserved=tuple(reserved),
        logs=logs,
        catalog=ChainCatalog({chain.name: chain for chain in before}),
    )
    if catalog is None:
        shelf.load()
    else:
        shelf.use(catalog.chains)
    return shelf


def _parse_file(file: Path, signature: Signature) -> ParsedFile:
    text = ""
    try:
        text = read_text(file)
        return ParsedFile(signature, text, parse_chain(text, name=file.stem, source=str(file)))
    except ChainInvalid as error:
        return ParsedFile(signature, text, problem=str(error))


def _log_changes(before: ChainCatalog, now: ChainCatalog) -> None:
    for name in now.names:
        old = before.chains.get(name)
        if before.chains and (old is None or old.revision != now.chains[name].revision):
            log.info("chain_live", chain=name, revision=now.chains[name].revision)
    for name in sorted(before.chains.keys() - now.chains.keys()):
        log.info("chain_gone", chain=name)
    for problem in now.problems:
        if problem not in before.problems:
            log.error("chain_not_used", problem=problem)


def _mode_of(file: Path) -> int:
    """Return the mode of a file, or that of a new one, which other accounts may read."""
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        return _READABLE_FILE
