"""Versions of a chain's text, and what the database knows of the chains of some settings."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chains.catalog.config import ChainConfig
from chains.evaluation.case_report import version_word
from pipeline.errors import WebotError
from pipeline.revisions import ChainRelease, MachineState, ReleaseState
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue, in_language
from storage.conversations.chain_revisions import RevisionStore
from storage.database.access import DatabaseUnusable, NoDatabase, SchemaOutdated, open_for_cli
from storage.database.engine import Database
from storage.database.migrate import SchemaTooNew


@dataclass(frozen=True, slots=True)
class Version:
    """A chain's text with where it comes from."""

    label: str
    text: str
    chain: ChainConfig
    shipped: bool = False
    """Whether it is the one that comes with webot, which needs no file of the company's own."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the database knows of the chains: what is released, and what the service's processes say of it."""

    standing: Mapping[str, ReleaseState] = field(default_factory=dict)
    machines: Sequence[MachineState] = ()
    unread: WebotError | None = None
    """Why nothing of this is known, where there is a database and it cannot be read."""

    @property
    def trials(self) -> Mapping[str, ChainRelease]:
        """Return what is tried, by the chains' names."""
        return {name: each.trial for name, each in sorted(self.standing.items()) if each.trial is not None}


async def read_deployment(settings: Settings) -> Deployment:
    """Read it; nothing where there is no database, or none that can be read."""
    try:
        async with open_for_cli(settings.storage.database_url.get_secret_value()) as database:
            return await deployment_of(database)
    except NoDatabase:
        return Deployment()
    except (SchemaOutdated, SchemaTooNew, DatabaseUnusable) as error:
        return Deployment(unread=error)


async def deployment_of(database: Database) -> Deployment:
    """Read it from an open database."""
    revisions = RevisionStore(database)
    return Deployment(await revisions.standing(), await revisions.machines())


def differences(old: Version, new: Version, words: Catalogue) -> list[str]:
    """Return what distinguishes two versions, line by line, below what each is called in a language."""
    lines = difflib.unified_diff(
        old.text.splitlines(),
        new.text.splitlines(),
        _called(old, words),
        _called(new, words),
        lineterm="",
    )
    return list(lines)


def _called(version: Version, words: Catalogue) -> str:
    """Return a chain's name, where this version of it is from, and its revision, each once."""
    origin = in_language(version_word("shipped" if version.shipped else version.label), words)
    return " ".join(dict.fromkeys((version.chain.name, origin, version.chain.revision)))
