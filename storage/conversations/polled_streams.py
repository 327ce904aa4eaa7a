"""Answers that a platform asks for again and again: their state, which every process can read and change.

A row lives two hours: WeCom asks for six minutes, and takes the one message more for an hour.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import TryAgain
from pipeline.ports import PolledStream
from pipeline.text.i18n import Sentence
from storage.database.codec import media_from_json, media_to_json
from storage.database.engine import Database
from storage.database.failures import read_failure
from storage.database.tables import polled_streams
from storage.usage.pseudonyms import insert_into

KEPT_SECONDS = 2 * 3600.0

_ONE = select(polled_streams).where(polled_streams.c.id == bindparam("wanted"))
_DRAFT = (
    update(polled_streams)
    .where(polled_streams.c.id == bindparam("wanted"), polled_streams.c.finished.is_(False))
    .values(text=bindparam("shown"))
)


class PolledStreamTable:
    """Implements `pipeline.ports.PolledStreamStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, stream: PolledStream) -> tuple[PolledStream, bool]:
        """Implement `PolledStreamStore.open`."""

        def work(connection: Connection) -> tuple[PolledStream, bool]:
            insert = insert_into(self._database)(polled_streams).on_conflict_do_nothing().values(**_values(stream))
            is_new = connection.execute(insert.returning(polled_streams.c.id)).one_or_none() is not None
            return _stream(connection.execute(_ONE, {"wanted": stream.stream_id}).one()), is_new

        with _explained():
            return await self._database.transact(work)

    async def load(self, stream_id: str) -> PolledStream | None:
        """Implement `PolledStreamStore.load`."""
        with _explained():
            async with self._database.read() as connection:
                row = (await connection.execute(_ONE, {"wanted": stream_id})).one_or_none()
        return None if row is None else _stream(row)

    async def in_chat(self, chat: str, *, since: float) -> Sequence[PolledStream]:
        """Implement `PolledStreamStore.in_chat`."""
        theirs = (
            select(polled_streams)
            .where(polled_streams.c.opened_at >= since, polled_streams.c.chat == chat)
            .order_by(polled_streams.c.finished.desc(), polled_streams.c.opened_at)
        )
        with _explained():
            async with self._database.read() as connection:
                rows = (await connection.execute(theirs)).all()
        return [_stream(row) for row in rows]

    async def draft(self, texts: Mapping[str, str]) -> None:
        """Implement `PolledStreamStore.draft`."""
        # In one order everywhere, so that two processes never wait for each other's rows.
        rows = [{"wanted": stream_id, "shown": text} for stream_id, text in sorted(texts.items())]

        def work(connection: Connection) -> None:
            connection.execute(_DRAFT, rows)

        with _explained():
            await self._database.transact(work)

    async def change(
        self, stream_id: str, change: Callable[[PolledStream], PolledStream]
    ) -> tuple[PolledStream, PolledStream] | None:
        """Implement `PolledStreamStore.change`."""

        def work(connection: Connection) -> tuple[PolledStream, PolledStream] | None:
            row = connection.execute(_ONE.with_for_update(), {"wanted": stream_id}).one_or_none()
            if row is None:
                return None
            before = _stream(row)
            after = change(before)
            if after != before:
                connection.execute(
                    update(polled_streams).where(polled_streams.c.id == stream_id).values(**_values(after))
                )
            return before, after

        with _explained():
            return await self._database.transact(work)


async def drop_old_streams(database: Database, *, now: float) -> int:
    """Delete the streams that nobody asks for any more; return how many went."""
    old = delete(polled_streams).where(polled_streams.c.opened_at < now - KEPT_SECONDS)
    async with database.write() as connection:
        return (await connection.execute(old)).rowcount


def forget_streams(connection: Connection, person: str) -> None:
    """Delete what was shown a person; what is not finished belongs to a turn under way, and is emptied."""
    theirs = polled_streams.c.person == person
    connection.execute(delete(polled_streams).where(theirs, polled_streams.c.finished.is_(True)))
    connection.execute(update(polled_streams).where(theirs).values(text=""))


def _stream(row: Row[Any]) -> PolledStream:
    return PolledStream(
        stream_id=row.id,
        chat=row.chat,
        asker=row.person,
        opened_at=row.opened_at,
        text=row.text,
        finished=row.finished,
        is_read=row.is_read,
        pictures=media_from_json(row.pictures),
        address=row.address,
        addressed=row.addressed,
        is_address_used=row.is_address_used,
    )


def _values(stream: PolledStream) -> dict[str, object]:
    return {
        "id": stream.stream_id,
        "chat": stream.chat,
        "person": stream.asker,
        "opened_at": stream.opened_at,
        "text": stream.text,
        "finished": stream.finished,
        "is_read": stream.is_read,
        "pictures": media_to_json(stream.pictures),
        "address": stream.address,
        "addressed": stream.addressed,
        "is_address_used": stream.is_address_used,
    }


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        # The driver's words may quote a row.
        raise TryAgain(Sentence("reason.database_read", said=read_failure(error).code)) from None
