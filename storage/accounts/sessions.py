"""Sessions of those who signed in: the browser has a random secret, the database only its digest."""

import hashlib
import secrets
from dataclasses import dataclass
from time import time

from sqlalchemy import delete, insert, select

from storage.database.console_tables import console_sessions
from storage.database.engine import Database

SESSION_SECONDS = 12 * 3600
"""How long a session lasts."""
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
    secret, now = secrets.token_urlsafe(_SECRET_BYTES), time()
    async with database.write() as connection:
        await connection.execute(delete(console_sessions).where(console_sessions.c.expires_at <= now))
        await connection.execute(
            insert(console_sessions).values(
                digest=digest_of(secret), name=name, role=role, credential=credential, expires_at=now + SESSION_SECONDS
            )
        )
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
