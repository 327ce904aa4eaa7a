"""The documents made for people in the chat: made once of the same content, bounded for a person, kept some days."""

from collections.abc import Sequence
from time import time

from sqlalchemy import ColumnElement, delete, func, select

from pipeline.errors import Undeliverable
from pipeline.events import Person
from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia
from storage.conversations.deletion import mark_for_deletion
from storage.database.engine import Database
from storage.database.tables import exported_files
from storage.usage.pseudonyms import insert_into

_DAY = 86400.0


class KeptExports:
    """Notes whose documents these are, so that they can be found again, counted, and forgotten with the rest."""

    def __init__(self, database: Database, media: MediaStore, *, days: int) -> None:
        self._database = database
        self._media = media
        self._days = days

    async def find(self, person: Person, content: str) -> tuple[StoredMedia, ...]:
        """Return the documents made of some content for a person, in their order; none if one of them is gone."""
        wanted = select(exported_files).where(
            exported_files.c.person == str(person), exported_files.c.content == content, self._fresh
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(wanted.order_by(exported_files.c.place))).all()
        files = tuple(StoredMedia(row.sha256, row.mime, row.name, row.size) for row in rows)
        try:
            for file in files:
                await self._media.read(file)
        except Undeliverable:
            return ()
        return files

    async def total(self, person: Person) -> tuple[int, int]:
        """Return how many documents of a person are kept, and how many bytes they have."""
        wanted = select(func.count(), func.coalesce(func.sum(exported_files.c.size), 0))
        async with self._database.read() as connection:
            found = await connection.execute(wanted.where(exported_files.c.person == str(person), self._fresh))
            files, size = found.one()
        return int(files), int(size)

    async def note(self, person: Person, content: str, files: Sequence[StoredMedia]) -> None:
        """Note documents of a person; with no `content` they are made anew the next time."""
        wanted = insert_into(self._database)(exported_files)
        kept = ("at", "content", "place", "mime", "name", "size")
        update = wanted.on_conflict_do_update(
            index_elements=["person", "sha256"], set_={name: wanted.excluded[name] for name in kept}
        )
        rows = [
            {"person": str(person), "sha256": file.sha256, "at": time(), "content": content, "place": place}
            | {"mime": file.mime, "name": file.name, "size": file.size}
            for place, file in enumerate(files)
        ]
        async with self._database.write() as connection:
            await connection.execute(update, rows)

    @property
    def _fresh(self) -> ColumnElement[bool]:
        return exported_files.c.at >= time() - self._days * _DAY


async def drop_old_exports(database: Database, *, days: int) -> int:
    """Delete documents of the chat older than some days, mark their files for deletion, and return how many."""
    async with database.write() as connection:
        gone = await connection.execute(
            delete(exported_files).where(exported_files.c.at < time() - days * _DAY).returning(exported_files.c.sha256)
        )
        files = {row.sha256 for row in gone}
        await connection.run_sync(mark_for_deletion, files, insert_into=insert_into(database))
    return len(files)
