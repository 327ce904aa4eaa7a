"""The console's users: name, role, and the hash of a password."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.accounts.tokens import revoke_made_by
from storage.database.console_tables import console_sessions, console_users
from storage.database.engine import Database

_OPERATOR = "operator"


class LastOperator(Exception):
    """A user cannot go or do less: nobody else may manage users."""


@dataclass(frozen=True, slots=True)
class StoredUser:
    """A user of the console."""

    name: str
    role: str
    password_hash: str
    created_at: datetime


async def add_user(database: Database, name: str, role: str, password_hash: str) -> bool:
    """Add a user; return False and change nothing where there is one of this name."""
    async with database.write() as connection:
        if (await connection.execute(select(console_users.c.name).where(console_users.c.name == name))).first():
            return False
        await connection.execute(
            insert(console_users).values(name=name, role=role, password_hash=password_hash, created_at=time())
        )
        return True


async def remove_user(database: Database, name: str) -> Sequence[str] | None:
    """Remove a user, end their sessions and revoke the tokens they made; return the names of these.

    None where there is no such user.

    Raises:
        LastOperator: Nobody else may manage users.
    """
    async with database.write() as connection:
        await _keep_an_operator(connection, name)
        removed = (await connection.execute(delete(console_users).where(console_users.c.name == name))).rowcount > 0
        await _end_sessions(connection, name)
        return await revoke_made_by(connection, name) if removed else None


async def change_role(database: Database, name: str, role: str, *, keep: Collection[str]) -> Sequence[str] | None:
    """Set the role of a user, end their sessions and revoke the tokens they made, those of a role in `keep` excepted.

    Return the names of the tokens; None where there is no such user.

    Raises:
        LastOperator: Nobody else may manage users.
    """
    async with database.write() as connection:
        if role != _OPERATOR:
            await _keep_an_operator(connection, name)
        changed = await _change(connection, name, role=role)
        return await revoke_made_by(connection, name, keep=keep) if changed else None


async def change_password(database: Database, name: str, password_hash: str) -> bool:
    """Set a user's password and end their sessions; return whether there is such a user."""
    async with database.write() as connection:
        return await _change(connection, name, password_hash=password_hash)


async def end_sessions(database: Database, name: str) -> int:
    """End a user's sessions, and return how many there were."""
    async with database.write() as connection:
        return await _end_sessions(connection, name)


async def count_sessions(database: Database) -> Mapping[str, int]:
    """Return how many sessions there are by the users' names."""
    wanted = (
        select(console_sessions.c.name, func.count())
        .where(console_sessions.c.credential == "", console_sessions.c.expires_at > time())
        .group_by(console_sessions.c.name)
    )
    async with database.read() as connection:
        return {row[0]: row[1] for row in await connection.execute(wanted)}


async def find_user(database: Database, name: str) -> StoredUser | None:
    """Return the user of a name."""
    async with database.read() as connection:
        row = (await connection.execute(select(console_users).where(console_users.c.name == name))).first()
    return StoredUser(row.name, row.role, row.password_hash, _moment(row.created_at)) if row else None


async def list_users(database: Database) -> Sequence[StoredUser]:
    """Return all users, by name."""
    async with database.read() as connection:
        rows = (await connection.execute(select(console_users).order_by(console_users.c.name))).all()
    return [StoredUser(row.name, row.role, row.password_hash, _moment(row.created_at)) for row in rows]


async def has_users(database: Database) -> bool:
    """Whether there is any user."""
    async with database.read() as connection:
        return (await connection.execute(select(console_users.c.name).limit(1))).first() is not None


async def _keep_an_operator(connection: AsyncConnection, name: str) -> None:
    # Locked, so that of two operators who remove each other one comes second and is refused.
    operators = select(console_users.c.name).where(console_users.c.role == _OPERATOR).with_for_update()
    found = (await connection.execute(operators)).scalars().all()
    if list(found) == [name]:
        raise LastOperator(name)


async def _change(connection: AsyncConnection, name: str, **values: str) -> bool:
    changed = await connection.execute(update(console_users).where(console_users.c.name == name).values(**values))
    await _end_sessions(connection, name)
    return changed.rowcount > 0


async def _end_sessions(connection: AsyncConnection, name: str) -> int:
    """End a user's sessions: after the user's row was written, so that one which begins meanwhile is seen here."""
    theirs = (console_sessions.c.name == name) & (console_sessions.c.credential == "")
    return (await connection.execute(delete(console_sessions).where(theirs))).rowcount


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
