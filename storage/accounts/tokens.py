"""Tokens by which programs use the API: shown once, kept as a digest, with a role and an end."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

from sqlalchemy import delete, insert, select

from storage.accounts.sessions import digest_of
from storage.database.console_tables import api_tokens
from storage.database.engine import Database

TOKEN_PREFIX = "webot_"  # noqa: S105 -- by which people and scanners know one
_SECRET_BYTES = 32
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token, without its secret."""

    name: str
    role: str
    created_by: str
    created_at: datetime
    expires_at: datetime

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at.timestamp() <= time()


async def create_token(database: Database, name: str, role: str, *, days: float, by: str) -> str | None:
    """Make a token and return its secret; None, and nothing is changed, where there is one of this name."""
    secret, now = TOKEN_PREFIX + secrets.token_urlsafe(_SECRET_BYTES), time()
    async with database.write() as connection:
        if (await connection.execute(select(api_tokens.c.name).where(api_tokens.c.name == name))).first():
            return None
        await connection.execute(
            insert(api_tokens).values(
                name=name,
                digest=digest_of(secret),
                role=role,
                created_by=by,
                created_at=now,
                expires_at=now + days * _DAY,
            )
        )
    return secret


async def find_token(database: Database, secret: str) -> StoredToken | None:
    """Return the token of a secret, None if its time is over or there is none."""
    async with database.read() as connection:
        row = (await connection.execute(select(api_tokens).where(api_tokens.c.digest == digest_of(secret)))).first()
    if row is None or row.expires_at <= time():
        return None
    return StoredToken(row.name, row.role, row.created_by, _moment(row.created_at), _moment(row.expires_at))


async def list_tokens(database: Database) -> Sequence[StoredToken]:
    """Return all tokens, expired ones too, by name."""
    async with database.read() as connection:
        rows = (await connection.execute(select(api_tokens).order_by(api_tokens.c.name))).all()
    return [
        StoredToken(row.name, row.role, row.created_by, _moment(row.created_at), _moment(row.expires_at))
        for row in rows
    ]


async def revoke_token(database: Database, name: str) -> bool:
    """Remove a token, so that it opens nothing from now on; return whether there was one."""
    async with database.write() as connection:
        return (await connection.execute(delete(api_tokens).where(api_tokens.c.name == name))).rowcount > 0


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
