"""Brings the database to the schema this version expects; run at every start, and by `webot migrate`."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from pipeline.errors import WebotError
from pipeline.text.i18n import Sentence
from storage.database.engine import Database

HEAD = "0027"
"""The latest step under `migrations/versions`."""

_LOCK = 0x77_65_62_6F_74


class SchemaTooNew(WebotError):
    """The database was used by a later webot; whoever went back a version must go forward again."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """Where the schema was and where it is; an empty `before` is an empty database."""

    before: str
    after: str


async def migrate(database: Database) -> Migrated:
    """Run every missing migration, in one transaction. Raises `SchemaTooNew` rather than guess."""
    async with database.write() as connection:
        if database.shared:
            # Processes that start together take the steps one after the other; the second finds none to take.
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = await connection.run_sync(_version)
        if before != HEAD:
            await connection.run_sync(upgrade)
    return Migrated(before, HEAD)


async def version(database: Database) -> str:
    """Return the step the database stands at, empty for none."""
    async with database.read() as connection:
        return await connection.run_sync(_version)


def is_newer(found: str) -> bool:
    """Whether a schema is one that this version does not know: a later version's. Steps are numbered."""
    return not (found == "" or (found.isdigit() and int(found) <= int(HEAD)))


def newer_sentence(found: str) -> Sentence:
    """Return what to say of a schema that is newer than this version's."""
    return Sentence("database.too_new", found=found, known=HEAD)


def _version(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def upgrade(connection: Connection, to: str = HEAD) -> None:
    """Run the migrations up to one, in the caller's transaction. Raises `SchemaTooNew`."""
    # Imported here: most starts find nothing to do.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    if is_newer(_version(connection)):
        raise SchemaTooNew(newer_sentence(_version(connection)))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
