"""Carries `webot forget` out, beside a service that may be running."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pipeline.events import Person
from pipeline.settings import Settings
from storage.conversations.audit import operator
from storage.conversations.deletion import Erased, find, forget
from storage.conversations.erasure import Eraser
from storage.database.access import open_for_cli
from storage.database.engine import Database


async def forget_one(database: Database, eraser: Eraser, person: Person, *, who: str) -> Erased:
    """Delete everything of a person within the service; return how much.

    Raises:
        TryAgain: The person is being answered.
    """
    erased = await forget(database, person, who=who)
    await eraser.forgotten(person)
    return erased


def persons_of(settings: Settings, user: str, channel: str) -> Sequence[Person]:
    """Return who is meant by a user id: one person for each channel they have written on."""

    async def look() -> Sequence[Person]:
        async with open_for_cli(settings.storage.database_url.get_secret_value()) as database:
            return await find(database, user)

    return [person for person in asyncio.run(look()) if channel in {"", person.channel}]


def forget_persons(settings: Settings, persons: Sequence[Person]) -> tuple[Erased, bool]:
    """Delete everything of some persons; return how much, and whether nothing is left in SQLite's log either.

    Raises:
        TryAgain: One of them is being answered.
    """

    async def delete() -> tuple[Erased, bool]:
        erased = Erased()
        async with open_for_cli(settings.storage.database_url.get_secret_value()) as database:
            try:
                for person in persons:
                    erased += await forget(database, person, who=operator())
            finally:
                clean = await Eraser(database, Path(settings.storage.data_dir)).finish()
        return erased, clean

    return asyncio.run(delete())
