"""What `webot chains` does: chains looked at, compared, released and tried, beside the service or without one."""

import asyncio
import difflib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from chains.catalog.config import ChainConfig, parse_chain, read_chain, read_text
from chains.catalog.files import ChainFiles, open_chain_files
from chains.catalog.requirements import requirements_of
from chains.commands import all_commands
from chains.evaluation.replay import ReplayQuestion, masked_question
from chains.evaluation.tester import CHANNEL_CHAINS, AnswerCache, ChainTester
from chains.media.services import trial_media_services
from chains.models.registry import ModelRegistry
from chains.tooling.mcp import open_servers
from chains.toolset import ToolRegistry, open_tool_registry
from pipeline.errors import ChainInvalid
from pipeline.revisions import ChainRelease, ChainRevision
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from pipeline.text.privacy import Masker
from storage.conversations.chain_revisions import RevisionStore
from storage.conversations.erasure import TRIED, drop_tried
from storage.conversations.questions import latest_questions
from storage.conversations.ratings import RatedAnswer, Rating, RatingCount, count_ratings, latest_rated
from storage.database.access import DatabaseUnusable, NoDatabase, SchemaOutdated, ensure_schema, open_for_cli

DRAFTS = "drafts"


@dataclass(frozen=True, slots=True)
class Version:
    """A chain's text with where it comes from."""

    label: str
    text: str
    chain: ChainConfig


class ChainWorkspace:
    """The chains of some settings, on a prompt engineer's desk. Making one reads files."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalogue = Catalogue(settings.chat.language)
        self.models = ModelRegistry(settings, self.catalogue)
        self.shelf: ChainFiles = open_chain_files(
            settings, requirements=requirements_of(settings, self.models), reserved=all_commands().words, logs=False
        )
        self.folder = self.shelf.folders[-1]

    @property
    def drafts(self) -> tuple[str, ...]:
        """Name the drafts there are."""
        return tuple(sorted(file.stem for file in (self.folder / DRAFTS).glob("*.toml")))

    def draft_file(self, name: str) -> Path:
        """Name the file of a chain's draft."""
        return self.folder / DRAFTS / f"{name}.toml"

    def draft(self, name: str) -> Version:
        """Read a chain's draft; `ChainInvalid` if there is none or it cannot be used."""
        file = self.draft_file(name)
        if not file.exists():
            raise ChainInvalid(f"there is no draft of {name!r}: write one to {file}")
        return self._checked(Version("draft", read_text(file), read_chain(file)), str(file))

    def live(self, name: str) -> Version:
        """Return a chain as its file says it; `ChainInvalid` names the ones there are."""
        chain = self.shelf.catalog.chain(name)
        for label, folder in (("own", self.folder), ("shipped", self.shelf.folders[0])):
            read = self.shelf.files(folder).get(name)
            if read is not None and read.chain is chain:
                return Version(label, read.text, chain)
        raise ChainInvalid(f"the file of {name!r} cannot be used:\n" + "\n".join(self.shelf.catalog.problems))

    def version(self, name: str, *, live: bool = False) -> Version:
        """Return a chain's draft, or what is live where there is none or it is asked for."""
        return self.draft(name) if not live and self.draft_file(name).exists() else self.live(name)

    def problems(self) -> list[str]:
        """Return what is wrong with any file, drafts included."""
        found = list(self.shelf.catalog.problems)
        for name in self.drafts:
            try:
                self.draft(name)
            except ChainInvalid as error:
                found.append(str(error))
        return found

    @asynccontextmanager
    async def tester(self, *, at_once: int, fresh: bool, tools: bool = True) -> AsyncIterator[ChainTester]:
        """Open who asks; with `fresh`, nothing asked before is used. Without `tools`, chains are offered none."""
        folder = None if fresh else await self._tried()
        # Loads libraries.
        toolshed = await asyncio.to_thread(self._toolshed) if tools else ToolRegistry({})
        try:
            yield ChainTester(
                self.models,
                self.settings.chat,
                self.catalogue,
                toolshed,
                AnswerCache(folder),
                at_once,
                channel_chains={table.chain for table in self.settings.channels.values()} or CHANNEL_CHAINS,
            )
        finally:
            await asyncio.gather(self.models.aclose(), toolshed.servers.aclose())

    async def _tried(self) -> Path:
        """Return the folder of answers already given, without those that may hold words of people since forgotten."""
        data_dir = Path(self.settings.storage.data_dir)
        with suppress(NoDatabase, SchemaOutdated, DatabaseUnusable):
            async with open_for_cli(self.settings.storage.database_url.get_secret_value()) as database:
                await drop_tried(database, data_dir)
        return data_dir / TRIED

    def _toolshed(self) -> ToolRegistry:
        return open_tool_registry(trial_media_services(self.settings), open_servers(self.settings))

    async def history(self, name: str) -> Sequence[ChainRelease]:
        """Return a chain's releases, newest first."""
        try:
            async with self._revisions() as revisions:
                return await revisions.history(name)
        except NoDatabase:
            return ()

    async def revision(self, name: str, beginning: str) -> Version:
        """Find one of a chain's revisions by how its name begins; `ChainInvalid` if there is not exactly one.

        The word "shipped" names the one that came with webot.
        """
        shipped = self.shelf.files(self.shelf.folders[0]).get(name)
        if shipped is not None and shipped.chain is not None:
            revision = shipped.chain.revision
            if beginning == "shipped" or revision.startswith(beginning):
                return Version(revision, shipped.text, shipped.chain)
        try:
            async with self._revisions() as revisions:
                found = await revisions.find(name, beginning)
        except NoDatabase:
            found = ()
        if len(found) != 1:
            there_are = ", ".join(draft.revision for draft in found)
            raise ChainInvalid(
                f"{beginning!r} names several revisions of {name!r}: {there_are}"
                if found
                else f"{name!r} has no revision {beginning!r}; `webot chains history {name}` lists them"
            )
        (draft,) = found
        source = f"revision {draft.revision} of {name!r}"
        return Version(draft.revision, draft.content, parse_chain(draft.content, name=name, source=source))

    async def publish(
        self, name: str, version: Version, *, author: str, note: str, share: int = 100, users: Sequence[str] = ()
    ) -> None:
        """Release a version: to everybody by making it the chain's own file, or to some as a trial."""
        self._checked(version, version.label)
        if not version.text:
            # No text is how a chain's file is taken away.
            raise ChainInvalid(f"{version.label}: empty; a chain that is all defaults needs a line, such as a comment")
        draft = ChainRevision(name, version.chain.revision, version.text, author, note)
        url = self.settings.storage.database_url.get_secret_value()
        try:
            async with self._revisions() as revisions:
                await revisions.release(draft, share=share, users=users)
        except NoDatabase:
            await ensure_schema(url)
            async with self._revisions() as revisions:
                await revisions.release(draft, share=share, users=users)
        if share == 100 and not self.shelf.write(name, version.text):  # noqa: PLR2004 - everybody
            raise ChainInvalid(f"{self.shelf.own(name)} changed in the meantime; look at it and publish again")

    async def questions(self, name: str, *, last: int, turns: int) -> list[ReplayQuestion]:
        """Return the latest questions put to a chain by those who agreed, masked."""
        users = self.settings.replay.users
        try:
            async with open_for_cli(self.settings.storage.database_url.get_secret_value()) as database:
                found = await latest_questions(database, name, last=last, users=users, turns=turns)
        except NoDatabase:
            return []
        return [masked_question(asked.trace, asked.question, asked.before) for asked in found]

    async def ratings(self) -> Mapping[tuple[str, str], RatingCount]:
        """Return how many answers of each chain and revision were judged good, and how many bad."""
        try:
            async with open_for_cli(self.settings.storage.database_url.get_secret_value()) as database:
                return await count_ratings(database)
        except NoDatabase:
            return {}

    async def judged(self, name: str, *, last: int, rated: Rating) -> list[RatedAnswer]:
        """Return the latest answers of a chain that were judged, masked, and why."""
        self.shelf.catalog.chain(name)
        users = self.settings.replay.users
        try:
            async with open_for_cli(self.settings.storage.database_url.get_secret_value()) as database:
                found = await latest_rated(database, name, last=last, users=users, rated=rated)
        except NoDatabase:
            return []
        mask = Masker()
        return [
            replace(each, why=mask(each.why), question=mask(each.question), answer=mask(each.answer)) for each in found
        ]

    def _checked(self, version: Version, source: str) -> Version:
        wrong = self.shelf.problem_with(version.chain)
        if wrong:
            raise ChainInvalid(f"{source}: {wrong}")
        return version

    @asynccontextmanager
    async def _revisions(self) -> AsyncIterator[RevisionStore]:
        async with open_for_cli(self.settings.storage.database_url.get_secret_value()) as database:
            yield RevisionStore(database)


def differences(old: Version, new: Version) -> list[str]:
    """Return what distinguishes two versions, line by line."""
    lines = difflib.unified_diff(
        old.text.splitlines(),
        new.text.splitlines(),
        f"{old.chain.name} {old.label} {old.chain.revision}",
        f"{new.chain.name} {new.label} {new.chain.revision}",
        lineterm="",
    )
    return list(lines)
