"""What `webot chains` does: chains looked at, compared, released and tried, beside the service or without one."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import time

from chains.catalog.advice import advice, missing_targets
from chains.catalog.config import ChainConfig, parse_chain, read_chain, read_text
from chains.catalog.diagnostics import located
from chains.catalog.files import ChainFiles, ignored_line, open_chain_files
from chains.catalog.folder import look
from chains.catalog.requirements import requirements_of, unmet_requests
from chains.catalog.sync import live_chains
from chains.commands import all_commands
from chains.evaluation.replay import ReplayQuestion, masked_question
from chains.evaluation.tester import CHANNEL_CHAINS, TOOL_SERVER_SECONDS, AnswerCache, ChainTester
from chains.media.services import trial_media_services
from chains.models.registry import ModelRegistry
from chains.tooling.mcp import names_servers, open_servers
from chains.toolset import ToolRegistry, open_tool_registry
from pipeline.errors import ChainInvalid
from pipeline.revisions import WHOLE_SHARE, ChainRelease, ChainRevision
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue, Sentence
from pipeline.text.privacy import Masker
from pipeline.text.toml_locations import locate_keys
from storage.conversations.audit import operator, record
from storage.conversations.audit_actions import Action
from storage.conversations.chain_revisions import RevisionStore
from storage.conversations.erasure import TRIED, drop_tried
from storage.conversations.questions import latest_questions
from storage.conversations.ratings import RatedAnswer, Rating, RatingCount, count_ratings, latest_rated
from storage.database.access import DatabaseUnusable, NoDatabase, SchemaOutdated, ensure_schema, open_for_cli
from storage.database.engine import Database
from storage.database.migrate import SchemaTooNew
from web.operator.chains.deployment import Deployment, Version
from web.operator.chains.drafts import DRAFTS
from web.operator.chains.publishing import Published, Wanted, release


class ChainWorkspace:
    """The chains of some settings with their drafts and releases. Making one reads files."""

    def __init__(
        self, settings: Settings, deployment: Deployment | None = None, database: Database | None = None
    ) -> None:
        """Read the chains; `database` is the service's own, without which each look opens one beside it."""
        self.settings = settings
        self._database = database
        self.deployment = deployment or Deployment()
        self.catalogue = Catalogue(settings.chat.language)
        self.models = ModelRegistry(settings, self.catalogue)
        self.chain_files: ChainFiles = open_chain_files(
            settings,
            reserved=all_commands().words,
            # Where a file is broken, the service goes on with what was released last.
            before=live_chains(self.deployment.standing),
            logs=False,
        )
        self.chain_files.open(requirements_of(settings, self.models))
        self.folder = self.chain_files.folders[-1]
        self.drafts = tuple(sorted(file.stem for file in (self.folder / DRAFTS).glob("*.toml")))
        """The names of the drafts there are."""

    def draft_file(self, name: str) -> Path:
        """Name the file of a chain's draft."""
        return self.folder / DRAFTS / f"{name}.toml"

    def draft(self, name: str) -> Version:
        """Read a chain's draft; `ChainInvalid` if there is none or it cannot be used."""
        file = self.draft_file(name)
        if not file.exists():
            raise ChainInvalid(Sentence("mistake.no_draft", name=name, file=str(file)))
        return self._checked(Version("draft", read_text(file), read_chain(file)), str(file))

    @property
    def names(self) -> tuple[str, ...]:
        """Name the chains there are, those that are only tried or drafted among them."""
        return tuple(sorted({*self.chain_files.catalog.names, *self.deployment.trials, *self.drafts}))

    def require(self, name: str) -> None:
        """Raise `ChainInvalid` where there is no chain of this name: no file, draft or trial."""
        if name not in self.names and name not in self.chain_files.refused:
            raise ChainInvalid(Sentence("mistake.no_chain", found=name, known=", ".join(self.names)))

    def has(self, name: str) -> bool:
        """Whether a chain answers everybody."""
        return name in self.chain_files.catalog.chains

    def on_trial(self, name: str) -> Version | None:
        """Return what is tried of a chain; None for nothing, or for what cannot be read."""
        release = self.deployment.trials.get(name)
        if release is None:
            return None
        try:
            chain = parse_chain(release.draft.content, name=name, source=release.draft.revision)
        except ChainInvalid:
            return None
        return Version("trial", release.draft.content, chain)

    def live(self, name: str) -> Version:
        """Return a chain as it answers.

        Raises:
            ChainInvalid: there is none, and which there are; or its file has never been fit for use, and why.
        """
        if not self.has(name) and (wrong := self.chain_files.refused.get(name)):
            raise ChainInvalid(wrong)
        chain = self.chain_files.catalog.chain(name)
        for label, folder in (("own", self.folder), ("shipped", self.chain_files.folders[0])):
            read = self.chain_files.files(folder).get(name)
            if read is not None and read.chain is chain:
                return Version(label, read.text, chain, shipped=label == "shipped")
        # Its own file cannot be used: what was released last goes on.
        release = self.deployment.standing[name].live
        return Version("last good", release.draft.content if release is not None else "", chain)

    def notices(self, name: str) -> list[Sentence]:
        """Return what is to be known of a chain beside its text: a file that is not in use, a service that differs."""
        found: list[Sentence] = []
        chain = self.chain_files.catalog.chains.get(name)
        if (wrong := self.chain_files.refused.get(name)) and chain is not None:
            found.append(Sentence("chains.last_good", name=name, revision=chain.revision, said=wrong))
        if chain is not None:
            found += [
                Sentence("chains.differs", name=name, host=machine.host, revision=answers, file=chain.revision)
                for machine in self.deployment.machines
                if (answers := machine.live.get(name, "-")) != chain.revision and machine.number >= 0
            ]
        return found

    def version(self, name: str, *, live: bool = False) -> Version:
        """Return a chain's draft, or what is live where there is none or it is asked for."""
        return self.draft(name) if not live and self.draft_file(name).exists() else self.live(name)

    def problems(self) -> list[str]:
        """Return what is wrong with any file, drafts included."""
        found = list(self.chain_files.catalog.problems)
        for name in self.drafts:
            found += self.problems_of(self.draft_file(name))
        return found

    def problems_of(self, file: Path) -> list[str]:
        """Return everything that keeps a file from being used, each with its line."""
        try:
            text = read_text(file)
            chain = parse_chain(text, name=file.stem, source=str(file))
        except ChainInvalid as error:
            return list(error.problems)
        return self._located(file, text, self.chain_files.problems_with(chain))

    def warnings(self, files: Sequence[Path] = ()) -> list[str]:
        """Return what deserves a second look: of some files, or of all and the drafts."""
        found = [] if files else list(self.chain_files.catalog.warnings)
        drafts = {self.draft_file(name) for name in self.drafts}
        for file, version in self.readable(files).items():
            said = self.doubts(version.chain, live=not (files or file in drafts))
            found += self._located(file, version.text, said)
        if not files:
            folder = self.folder / DRAFTS
            found += [ignored_line(folder / name) for name in look(folder).ignored]
        return found

    def doubts(self, chain: ChainConfig, *, live: bool = False) -> list[Sentence]:
        """Return what deserves a second look in a chain; of a live one what the catalogue does not warn of."""
        chains = {**self.chain_files.catalog.chains, chain.name: chain}
        said = [] if live else [*missing_targets(chains), *advice(chains)]
        return [wrong for name, wrong in said if name == chain.name] + [*unmet_requests(chain, chains, self.settings)]

    def readable(self, files: Sequence[Path] = ()) -> dict[Path, Version]:
        """Return some files, or the company's own with the drafts, as far as they can be read. Reads files."""
        asked = list(files) or [
            *(self.chain_files.own(name) for name in self.chain_files.files(self.folder)),
            *(self.draft_file(name) for name in self.drafts),
        ]
        found: dict[Path, Version] = {}
        for file in asked:
            with suppress(ChainInvalid):
                text = read_text(file)
                found[file] = Version(str(file), text, parse_chain(text, name=file.stem, source=str(file)))
        return found

    async def deep_problems(self, versions: Mapping[Path, Version]) -> tuple[list[str], list[str]]:
        """Ask the models' classes for the options and the MCP servers for the tools that chains name.

        Return what they do not take or have, and beside it which servers are away.
        """
        problems: list[str] = []
        away: list[str] = []
        try:
            for file, version in versions.items():
                chain = version.chain
                wrong = await asyncio.to_thread(self.models.option_problems, chain.model, chain.options)
                problems += self._located(file, version.text, wrong)
        finally:
            await self.models.aclose()
        if not any(names_servers(version.chain.tools) for version in versions.values()):
            return problems, away
        servers = await asyncio.to_thread(open_servers, self.settings)
        try:
            for file, version in versions.items():
                found = await servers.examine(version.chain.tools, patience=TOOL_SERVER_SECONDS)
                problems += self._located(file, version.text, found.missing)
                away += self._located(file, version.text, found.away)
        finally:
            await servers.aclose()
        return problems, away

    def _located(self, file: Path, text: str, wrong: Sequence[str]) -> list[str]:
        where = locate_keys(text)
        return [located(str(file), each, where) for each in wrong]

    @asynccontextmanager
    async def tester(
        self, *, at_once: int, fresh: bool, tools: bool = True, job: str = ""
    ) -> AsyncIterator[ChainTester]:
        """Open who asks; with `fresh`, nothing asked before is used but what a job asked itself before a restart.

        Without `tools`, chains are offered none.
        """
        opened_at = time()
        folder = None if fresh and not job else await self._tried()
        # Loads libraries.
        tool_registry = await asyncio.to_thread(self._tool_registry) if tools else ToolRegistry({})
        try:
            yield ChainTester(
                self.models,
                self.settings.chat,
                self.catalogue,
                tool_registry,
                AnswerCache(folder, opened_at, job if fresh else ""),
                at_once,
                channel_chains={table.chain for table in self.settings.channels.values()} or CHANNEL_CHAINS,
            )
        finally:
            await asyncio.gather(self.models.aclose(), tool_registry.servers.aclose())

    async def _tried(self) -> Path:
        """Return the folder of answers already given, without those that may hold words of people since forgotten."""
        data_dir = Path(self.settings.storage.data_dir)
        with suppress(NoDatabase, SchemaOutdated, SchemaTooNew, DatabaseUnusable):
            async with self._opened() as database:
                await drop_tried(database, data_dir)
        return data_dir / TRIED

    def _tool_registry(self) -> ToolRegistry:
        return open_tool_registry(trial_media_services(self.settings), open_servers(self.settings))

    async def history(self, name: str) -> Sequence[ChainRelease]:
        """Return a chain's releases, newest first."""
        try:
            async with self._revisions() as revisions:
                return await revisions.history(name)
        except NoDatabase:
            return ()

    def shipped(self, name: str) -> Version | None:
        """Return the version of a chain that comes with webot, None where there is none."""
        read = self.chain_files.files(self.chain_files.folders[0]).get(name)
        if read is None or read.chain is None:
            return None
        return Version(read.chain.revision, read.text, read.chain, shipped=True)

    async def revision(self, name: str, beginning: str) -> Version:
        """Find one of a chain's revisions by how its name begins; `ChainInvalid` if there is not exactly one.

        The word "shipped" names the one that came with webot.
        """
        shipped = self.shipped(name)
        if shipped is not None and (beginning == "shipped" or shipped.label.startswith(beginning)):
            return shipped
        try:
            async with self._revisions() as revisions:
                found = await revisions.find(name, beginning)
        except NoDatabase:
            found = ()
        if len(found) != 1:
            if not found:
                self.require(name)
                raise ChainInvalid(Sentence("chains.no_revision", name=name, found=beginning))
            there_are = ", ".join(draft.revision for draft in found)
            raise ChainInvalid(Sentence("chains.many_revisions", name=name, found=beginning, known=there_are))
        (draft,) = found
        source = f"revision {draft.revision} of {name!r}"
        return Version(draft.revision, draft.content, parse_chain(draft.content, name=name, source=source))

    async def publish(
        self, name: str, version: Version, *, author: str, note: str, share: int = 100, users: Sequence[str] = ()
    ) -> Published:
        """Release a version: to everybody by making it the chain's own file, or to some as a trial."""
        self._checked(version, version.label)
        whole = share == WHOLE_SHARE
        # The one that comes with webot is back when the company's own file is gone: a copy would never be upgraded.
        text = "" if version.shipped and whole else version.text
        draft = ChainRevision(name, version.chain.revision if text else "", text, author, note)
        return await self._release(draft, Wanted(name, version.chain.revision, on_trial=not whole), share, users)

    async def take_away(self, name: str, *, author: str, note: str) -> Published:
        """Take the company's own file of a chain away: the one that comes with webot is back, or the chain is gone.

        Raises `ChainInvalid` where there is no such file.
        """
        if name not in self.chain_files.files(self.folder):
            raise ChainInvalid(Sentence("chains.not_own", name=name))
        if name in self.chain_files.requirements.needed and name not in self.chain_files.files(
            self.chain_files.folders[0]
        ):
            raise ChainInvalid(Sentence("chains.still_needed", name=name))
        shipped = self.shipped(name)
        left = shipped.label if shipped is not None else ""
        return await self._release(ChainRevision(name, "", "", author, note), Wanted(name, left), WHOLE_SHARE, ())

    async def end_trial(self, name: str, *, author: str, note: str) -> Published:
        """End what is tried of a chain."""
        return await self._release(ChainRevision(name, "", "", author, note), Wanted(name, "", on_trial=True), 0, ())

    async def _release(self, draft: ChainRevision, wanted: Wanted, share: int, users: Sequence[str]) -> Published:
        url = self.settings.storage.database_url.get_secret_value()
        with suppress(NoDatabase):
            async with self._revisions() as revisions:
                return await self._release_over(revisions, draft, wanted, share, users)
        await ensure_schema(url)
        async with self._revisions() as revisions:
            return await self._release_over(revisions, draft, wanted, share, users)

    async def _release_over(
        self, revisions: RevisionStore, draft: ChainRevision, wanted: Wanted, share: int, users: Sequence[str]
    ) -> Published:
        alone = not await revisions.machines()
        # A service writes the file itself, when it takes the release over.
        if (
            alone
            and share == WHOLE_SHARE
            and not await asyncio.to_thread(self.chain_files.write, draft.chain, draft.content)
        ):
            raise ChainInvalid(Sentence("chains.changed", file=str(self.chain_files.own(draft.chain))))
        return await release(revisions, draft, wanted, share=share, users=users)

    async def questions(self, name: str, *, last: int, turns: int, before: float | None = None) -> list[ReplayQuestion]:
        """Return the latest questions put to a chain by those who agreed, masked."""
        users = self.settings.replay.users
        try:
            async with self._opened() as database:
                found = await latest_questions(database, name, last=last, users=users, turns=turns, before=before)
        except NoDatabase:
            return []
        return [masked_question(asked.trace, asked.question, asked.before) for asked in found]

    async def ratings(self) -> Mapping[tuple[str, str], RatingCount]:
        """Return how many answers of each chain and revision were judged good, and how many bad."""
        try:
            async with self._opened() as database:
                return await count_ratings(database)
        except NoDatabase:
            return {}

    async def judged(self, name: str, *, last: int, rated: Rating) -> list[RatedAnswer]:
        """Return the latest answers of a chain that were judged, masked, and why."""
        self.chain_files.catalog.chain(name)
        users = self.settings.replay.users
        try:
            async with self._opened() as database:
                found = await latest_rated(database, name, last=last, users=users, rated=rated)
        except NoDatabase:
            return []
        mask = Masker()
        return [
            replace(each, why=mask(each.why), question=mask(each.question), answer=mask(each.answer)) for each in found
        ]

    async def note(self, action: Action, details: Mapping[str, object], *, messages: int = 0) -> None:
        """Write into the audit what the user of this shell does.

        Raises `NoDatabase`, `SchemaOutdated`, `SchemaTooNew` or `DatabaseUnusable`.
        """
        async with self._opened() as database:
            await record(database, action, operator(), details, conversations=0, messages=messages)

    def _checked(self, version: Version, source: str) -> Version:
        if wrong := self.chain_files.problems_with(version.chain):
            where = locate_keys(version.text)
            raise ChainInvalid(*(located(source, each, where) for each in wrong))
        return version

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Database]:
        if self._database is not None:
            yield self._database
            return
        async with open_for_cli(self.settings.storage.database_url.get_secret_value()) as database:
            yield database

    @asynccontextmanager
    async def _revisions(self) -> AsyncIterator[RevisionStore]:
        async with self._opened() as database:
            # An author is what the user of a shell says; the audit has who that user is.
            yield RevisionStore(database, who="" if self._database else operator())
