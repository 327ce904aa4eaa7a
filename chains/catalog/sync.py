"""Keeps the chains in sync at run time: with the folder's files, and with releases of other machines in the database.

The files are what counts: an edit of one becomes a release in the database, and a release made elsewhere is written
into the file. So every machine has the same files in the end, and a restart without the database loses nothing.
A folder that is away says nothing: its chains go on, and what was released meanwhile is written when it is back.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from chains.catalog.catalog import ChainCatalog, PartialRelease
from chains.catalog.config import ChainConfig, is_name, parse_chain
from chains.catalog.files import ChainFiles, ParsedFile
from chains.catalog.folder import look
from chains.catalog.requirements import ChainRequirements
from pipeline.errors import ChainInvalid
from pipeline.ports import Revisions
from pipeline.revisions import ChainRelease, ChainRevision, MachineState, ReleaseState
from pipeline.text.i18n import Catalogue, Sentence, in_language, os_reason

log = structlog.get_logger()

_FEW = 2
"""So many chains do not vanish at once because somebody deletes one file."""


def live_chains(standing: Mapping[str, ReleaseState]) -> list[ChainConfig]:
    """Return what everybody got last: what answers until the files are read, and where one of them cannot be used."""
    return [chain for chain, _ in _live_texts(standing)]


class ChainSync:
    """Makes catalogues of the files and of the releases; `shared` is whether other machines use the database too.

    `serve` is given each catalogue as soon as it is made, and makes this process answer from it. `machine` is the name
    under which the database is told what this process answers with; empty for not at all.
    """

    def __init__(
        self,
        chain_files: ChainFiles,
        revisions: Revisions,
        *,
        shared: bool,
        serve: Callable[[ChainCatalog], None] = lambda _: None,
        machine: str = "",
        catalogue: Catalogue | None = None,
    ) -> None:
        self._chain_files = chain_files
        self._revisions = revisions
        self._shared = shared
        self._serve = serve
        self._live: dict[str, str] = {}
        # What files say that stayed behind a release we do not understand: nobody edited them, so it is no news.
        self._kept: dict[str, str] = {}
        self._number = 0
        self._changed = False
        self._machine = machine
        self._catalogue = catalogue
        self._refused_trials: dict[str, str] = {}
        self._written_away: set[str] = set()
        self._unwritten: dict[str, tuple[str, Sentence]] = {}
        """Releases that could not be written, and why."""
        self._seen = 0
        """The latest release that was taken over, or could not be."""
        self._reported: tuple[ChainCatalog, int, Mapping[str, object]] | None = None

    async def start(self) -> None:
        """Bring folder and database together."""
        await self._revisions.keep(self._shipped())
        standing = await self._revisions.standing()
        self._live = {chain: each.live.draft.revision for chain, each in standing.items() if each.live is not None}
        self._chain_files.guarded = True
        texts = {chain.name: text for chain, text in _live_texts(standing)}
        if await asyncio.to_thread(self._is_lost, len(texts)):
            await asyncio.to_thread(self._chain_files.leave, texts)
        elif self._shared:
            await self._catch_up(standing)
        await self._announce()
        await self._follow()
        self._serve(self._chain_files.catalog)
        await self._report()

    async def close(self) -> None:
        """Remove from the database what this process answers with."""
        if self._machine and self._reported is not None:
            with suppress(Exception):  # the database may be away: others see by the lease that we are gone
                await self._revisions.sign_off(self._machine)

    async def poll(self) -> None:
        """Take over what has changed since the last look. Not to be called while another call of it runs."""
        self._changed |= await asyncio.to_thread(self._chain_files.refresh)
        # What the files say is answered from even while the database is away.
        self._serve(self._chain_files.catalog)
        try:
            if self._chain_files.returning:
                await self._bring_back()
            changed = self._changed
            if changed:
                await self._announce()
                self._changed = False
            # What stood in the way of a trial may have been put right.
            if changed or await self._revisions.latest() > self._number:
                await self._follow()
        finally:
            self._serve(self._chain_files.catalog)
        await self._report()

    def preview(self, requirements: ChainRequirements) -> ChainCatalog:
        """Return the catalogue under other settings; see `ChainFiles.preview`."""
        return self._chain_files.preview(requirements)

    def apply(self, requirements: ChainRequirements, catalog: ChainCatalog) -> None:
        """Make catalogues for other settings from now on; the caller serves the one that `preview` returned."""
        self._chain_files.apply(requirements, catalog)
        # What could not work under the former settings may be news.
        self._changed = True

    def _is_lost(self, count: int) -> bool:
        """Whether the folder is away although so many chains of it are live. Looks at files."""
        if not count:
            return False
        view = look(self._chain_files.folders[-1])
        if view.away is not None and view.away.key == "mistake.away_unreadable":
            return True
        # On several machines a folder without chains is a new machine's: it is filled.
        return not self._shared and (view.away is not None or (not view.files and count >= _FEW))

    async def _bring_back(self) -> None:
        """Write into a folder that is back what was released while it was away, and what it has lost."""
        standing = await self._revisions.standing()
        found = await asyncio.to_thread(self._chain_files.on_disk)
        for name, each in standing.items():
            if each.live is None or not await self._is_behind(each.live.draft, found.get(name)):
                continue
            draft = each.live.draft
            if is_name(name) and (not draft.revision or _parsed(draft) is not None):
                await asyncio.to_thread(self._chain_files.put, name, draft.content)
        self._live = {chain: each.live.draft.revision for chain, each in standing.items() if each.live is not None}
        await asyncio.to_thread(self._chain_files.load)
        self._written_away.clear()
        self._changed = True
        log.info("chain_folder_back", chains=len(found))

    async def _is_behind(self, draft: ChainRevision, found: ParsedFile | None) -> bool:
        """Whether a file of a folder that is back is older than what is live; one nobody knows yet is an edit."""
        if found is None:
            return bool(draft.revision)
        if found.chain is None or found.chain.revision == draft.revision:
            return False
        if draft.chain in self._written_away:
            return True
        return self._shared and await self._revisions.known(draft.chain, found.chain.revision)

    async def _report(self) -> None:
        """Write to the database what this process answers with, where that has changed."""
        catalog = self._chain_files.catalog
        now = (catalog, self._seen, dict(self._unwritten))
        if not self._machine or self._reported == now:
            return
        say = self._said
        refused = {**self._chain_files.refused, **{name: wrong for name, (_, wrong) in self._unwritten.items()}}
        await self._revisions.report(
            MachineState(
                machine=self._machine,
                number=self._seen,
                live={name: chain.revision for name, chain in catalog.chains.items()},
                trials={name: trial.chain.revision for name, trial in catalog.trials.items()},
                refused={name: say(wrong) for name, wrong in refused.items()},
                refused_trials={name: say(wrong) for name, wrong in self._refused_trials.items()},
                away=say(self._chain_files.away),
            )
        )
        self._reported = now

    def _said(self, problem: str) -> str:
        return problem if self._catalogue is None else in_language(problem, self._catalogue)

    def _shipped(self) -> list[ChainRevision]:
        return [
            ChainRevision(name, read.chain.revision, read.text, "webot", "shipped")
            for folder in self._chain_files.folders[:-1]
            for name, read in self._chain_files.files(folder).items()
            if read.chain is not None
        ]

    async def _catch_up(self, standing: Mapping[str, ReleaseState]) -> None:
        """Take over what was released elsewhere while this machine was down; what is new here is an edit."""
        owned = self._chain_files.files(self._chain_files.folders[-1])
        for name, each in standing.items():
            if each.live is None:
                continue
            draft = each.live.draft
            mine = owned.get(name)
            stale = mine is None or (
                mine.chain is not None
                and mine.chain.revision != draft.revision
                and await self._revisions.known(name, mine.chain.revision)
            )
            if stale and await self._write(draft):
                log.info("chain_caught_up", chain=name, revision=draft.revision)
        await asyncio.to_thread(self._chain_files.load)

    async def _announce(self) -> None:
        """Release what the folder says and the database does not."""
        owned = self._chain_files.files(self._chain_files.folders[-1])
        for name, read in owned.items():
            chain = read.chain
            # One that cannot work here, for its model or its command, is not live and not released.
            if chain is None or self._chain_files.catalog.chains.get(name) is not chain:
                continue
            if chain.revision not in {self._live.get(name), self._kept.get(name)}:
                author = await asyncio.to_thread(_owner, self._chain_files.own(name))
                await self._release(ChainRevision(name, chain.revision, read.text, author))
        if self._chain_files.away:
            return
        gone = [name for name, revision in self._live.items() if revision and name not in owned]
        for name in gone:
            if self._kept.get(name) != "":
                await self._release(ChainRevision(name, "", ""))

    async def _release(self, draft: ChainRevision) -> None:
        await self._revisions.release(draft)
        self._kept.pop(draft.chain, None)
        self._live[draft.chain] = draft.revision

    async def _follow(self) -> None:
        """Take over what was released elsewhere, and what is tried."""
        number = await self._revisions.latest()
        standing = await self._revisions.standing()
        news = {
            name: each.live.draft
            for name, each in standing.items()
            if each.live is not None and self._live.get(name) != each.live.draft.revision
        }
        self._unwritten = {name: each for name, each in self._unwritten.items() if name in news}
        obeyed = [await self._apply_release(draft) for draft in news.values()]
        if news:
            await asyncio.to_thread(self._chain_files.load)
        trials = {name: each.trial for name, each in standing.items() if each.trial is not None}
        self._refused_trials = {}
        self._chain_files.catalog = self._chain_files.catalog.with_trials(
            {name: trial for name, release in trials.items() if (trial := self._trial(release)) is not None}
        )
        if all(obeyed):
            self._number = number
        if all(done or name in self._unwritten for name, done in zip(news, obeyed, strict=True)):
            self._seen = number

    async def _apply_release(self, draft: ChainRevision) -> bool:
        """Write a release into the folder; False while its file is being edited, which then is released after it."""
        name = draft.chain
        here = self._chain_files.files(self._chain_files.folders[-1]).get(name)
        same = here is not None and here.chain is not None and here.chain.revision == draft.revision
        if not (same or await self._write(draft)):
            return False
        self._live[name] = draft.revision
        self._unwritten.pop(name, None)
        return True

    async def _write(self, draft: ChainRevision) -> bool:
        # A later webot may have released what this one does not understand: the file stays as it is.
        if not is_name(draft.chain) or (draft.revision and _parsed(draft) is None):
            log.error("chain_release_not_used", chain=draft.chain, revision=draft.revision)
            mine = self._chain_files.files(self._chain_files.folders[-1]).get(draft.chain)
            self._kept[draft.chain] = mine.chain.revision if mine is not None and mine.chain is not None else ""
            return True
        if self._chain_files.away:
            self._written_away.add(draft.chain)
        try:
            return await asyncio.to_thread(self._chain_files.write, draft.chain, draft.content)
        except OSError as error:
            # A folder that may only be read: what answers goes on, and whoever released it is told that it waits.
            problem = os_reason(error)
            known, _ = self._unwritten.get(draft.chain, ("", ""))
            file = str(self._chain_files.own(draft.chain))
            self._unwritten[draft.chain] = (draft.revision, Sentence("mistake.not_written", file=file, said=problem))
            if known != draft.revision:
                log.error("chain_not_written", chain=draft.chain, revision=draft.revision, problem=problem)  # noqa: TRY400 -- no fault of ours
            return False

    def _trial(self, release: ChainRelease) -> PartialRelease | None:
        draft = release.draft
        wrong = ""
        try:
            chain = parse_chain(draft.content, name=draft.chain, source=f"chain {draft.chain!r} {draft.revision}")
            wrong = self._chain_files.problem_with(chain)
        except ChainInvalid as error:
            wrong = str(error)
        if wrong:
            self._refused_trials[draft.chain] = wrong
            log.error("chain_trial_not_used", chain=draft.chain, revision=draft.revision, problem=wrong)
            return None
        return PartialRelease(chain, release.share, frozenset(user.casefold() for user in release.users))


def _live_texts(standing: Mapping[str, ReleaseState]) -> list[tuple[ChainConfig, str]]:
    """Return the chains of the company's own that everybody got last, with their texts."""
    live = (each.live.draft for each in standing.values() if each.live is not None and each.live.draft.revision)
    return [(chain, draft.content) for draft in live if (chain := _parsed(draft)) is not None]


def _parsed(draft: ChainRevision) -> ChainConfig | None:
    with suppress(ChainInvalid):
        return parse_chain(draft.content, name=draft.chain, source=f"chain {draft.chain!r} {draft.revision}")
    return None


def _owner(file: Path) -> str:
    """Name whose file it is, where the system knows."""
    try:
        return file.owner()
    except (OSError, KeyError, NotImplementedError):
        return ""
