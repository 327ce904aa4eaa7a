"""Sessions of those who signed in: the browser has a random secret, the database only its digest."""

import hashlib
import secrets
from dataclasses import dataclass
from time import time

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database.console_tables import console_sessions, console_users
from storage.database.engine import Database

SESSION_SECONDS = 12 * 3600
"""How long a session lasts."""
MOST_SESSIONS = 100
"""Sessions of one name; beyond it the ones that began first end. A program that signs in anew for each request begins
several a second."""
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session that has not ended; `credential` is the digest of the settings' password, empty for a user's own."""

    name: str
    role: str
    credential: str
    expires_at: float


def digest_of(secret: str) -> str:
    """Return what is kept of a secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


async def begin_session(database: Database, name: str, role: str, *, credential: str = "") -> str:
    """Begin a session and return its secret; sessions whose time is over are removed on the way."""
    async with database.write() as connection:
        return await _begin(connection, name, role, credential)


async def begin_user_session(database: Database, name: str, role: str, *, password_hash: str) -> str | None:
    """Begin a user's session and return its secret; None where role or password have changed, or the user is gone.

    Checking a password takes a while, in which an operator may have ended the user's sessions.
    """
    user = select(console_users.c.role, console_users.c.password_hash).where(console_users.c.name == name)
    async with database.write() as connection:
        # Locked, so that whoever changes the user meanwhile ends this session, too.
        row = (await connection.execute(user.with_for_update())).first()
        if row is None or (row.role, row.password_hash) != (role, password_hash):
            return None
        return await _begin(connection, name, role, "")


async def _begin(connection: AsyncConnection, name: str, role: str, credential: str) -> str:
    secret, now = secrets.token_urlsafe(_SECRET_BYTES), time()
    await connection.execute(delete(console_sessions).where(console_sessions.c.expires_at <= now))
    await connection.execute(
        insert(console_sessions).values(
            digest=digest_of(secret), name=name, role=role, credential=credential, expires_at=now + SESSION_SECONDS
        )
    )
    of_name = console_sessions.c.name == name
    latest = (
        select(console_sessions.c.digest)
        .where(of_name)
        .order_by(console_sessions.c.expires_at.desc())
        .limit(MOST_SESSIONS)
    )
    await connection.execute(delete(console_sessions).where(of_name, console_sessions.c.digest.not_in(latest)))
    return secret


async def find_session(database: Database, secret: str) -> StoredSession | None:
    """Return the session of a secret, None if it has ended or there never was one."""
    wanted = select(console_sessions).where(console_sessions.c.digest == digest_of(secret))
    async with database.read() as connection:
        row = (await connection.execute(wanted)).first()
    if row is None or row.expires_at <= time():
        return None
    return StoredSession(row.name, row.role, row.credential, row.expires_at)


async def end_session(database: Database, secret: str) -> None:
    """End a session, if there is one of this secret."""
    async with database.write() as connection:
        await connection.execute(delete(console_sessions).where(console_sessions.c.digest == digest_of(secret)))
