"""Tokens by which programs use the API: shown once, kept as a digest, with a role and an end."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.accounts.sessions import digest_of
from storage.database.console_tables import api_tokens
from storage.database.engine import Database

TOKEN_PREFIX = "webot_"  # noqa: S105 -- by which people and scanners know one
_SECRET_BYTES = 32
_DAY = 86400.0


def program_name(token: str) -> str:
    """Return the name under which the program that has a token is signed in; no user's name holds a colon."""
    return f"token:{token}"


def maker_name(name: str) -> str:
    """Return how tokens and the audit name who is signed in under a name."""
    return f"console:{name}"


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


async def revoke_token(database: Database, name: str) -> Sequence[str] | None:
    """Remove a token and those made with it, so that they open nothing from now on.

    Return the names of those made with it; None where there is no such token.
    """
    async with database.write() as connection:
        if not (await connection.execute(delete(api_tokens).where(api_tokens.c.name == name))).rowcount:
            return None
        return await revoke_made_by(connection, program_name(name))


async def revoke_made_by(connection: AsyncConnection, name: str, *, keep: Collection[str] = ()) -> Sequence[str]:
    """Remove the tokens that a user or a program has made, and those made with them, and return their names.

    Whoever may no longer come in would else come in with what they have made. Tokens of a role in `keep` stay.
    """
    revoked: list[str] = []
    makers = [maker_name(name)]
    while makers:
        theirs = api_tokens.c.created_by.in_(makers) & api_tokens.c.role.not_in(keep)
        names = (await connection.execute(select(api_tokens.c.name).where(theirs))).scalars().all()
        await connection.execute(delete(api_tokens).where(api_tokens.c.name.in_(names)))
        revoked += names
        makers, keep = [maker_name(program_name(token)) for token in names], ()
    return sorted(revoked)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
