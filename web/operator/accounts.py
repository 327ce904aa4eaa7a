"""Adds and removes users of the console and tokens of programs, and writes that into the audit."""

import asyncio
import unicodedata
from collections.abc import Sequence

from pipeline.errors import WebotError
from pipeline.settings import Settings
from storage.accounts.tokens import StoredToken, create_token, list_tokens, revoke_token
from storage.accounts.users import StoredUser, add_user, change_password, list_users, remove_user
from storage.conversations.audit import record
from storage.conversations.audit_actions import Action
from storage.database.access import ensure_schema, open_for_cli, sqlite_file
from storage.database.engine import Database
from web.security.roles import Role
from web.security.user_passwords import hash_user_password

LEAST_LETTERS = 12
"""Of a password."""
_MOST_LETTERS = 1024
_LONGEST_NAME = 64


class AccountRefused(WebotError):
    """An account cannot be made or changed as asked; the message says why and what would be right."""


async def add_account(database: Database, name: str, role: Role, password: str, *, by: str) -> None:
    """Add a user. Raises `AccountRefused`."""
    _check_name(name)
    if not await add_user(database, name, role, await _hashed(password)):
        raise AccountRefused(f"there is a user {name!r} already; `webot console user list` shows all")
    await _note(database, "user_add", by, user=name, role=role)


async def remove_account(database: Database, name: str, *, by: str) -> None:
    """Remove a user, whose sessions end at once. Raises `AccountRefused`."""
    if not await remove_user(database, name):
        raise AccountRefused(await _no_user(database, name))
    await _note(database, "user_remove", by, user=name)


async def set_password(database: Database, name: str, password: str, *, by: str) -> None:
    """Set a user's password; their sessions end at once. Raises `AccountRefused`."""
    if not await change_password(database, name, await _hashed(password)):
        raise AccountRefused(await _no_user(database, name))
    await _note(database, "user_password", by, user=name)


async def make_token(database: Database, name: str, role: Role, *, days: float, by: str) -> str:
    """Make a token for a program and return it; it is kept nowhere. Raises `AccountRefused`."""
    _check_name(name)
    secret = await create_token(database, name, role, days=days, by=by)
    if secret is None:
        raise AccountRefused(f"there is a token {name!r} already; revoke it with `webot token revoke {name}` first")
    await _note(database, "token_create", by, token=name, role=role, days=str(days))
    return secret


async def drop_token(database: Database, name: str, *, by: str) -> None:
    """Revoke a token, which opens nothing from now on. Raises `AccountRefused`."""
    if not await revoke_token(database, name):
        known = ", ".join(token.name for token in await list_tokens(database)) or "none"
        raise AccountRefused(f"there is no token {name!r}; there are: {known}")
    await _note(database, "token_revoke", by, token=name)


async def users_of(settings: Settings) -> Sequence[StoredUser]:
    """Return the users in a deployment's database."""
    async with open_for_cli(await _url(settings)) as database:
        return await list_users(database)


async def tokens_of(settings: Settings) -> Sequence[StoredToken]:
    """Return the tokens in a deployment's database."""
    async with open_for_cli(await _url(settings)) as database:
        return await list_tokens(database)


async def add_account_of(settings: Settings, name: str, role: Role, password: str, *, by: str) -> None:
    """Add a user to a deployment's database. Raises `AccountRefused`."""
    async with open_for_cli(await _url(settings)) as database:
        await add_account(database, name, role, password, by=by)


async def remove_account_of(settings: Settings, name: str, *, by: str) -> None:
    """Remove a user from a deployment's database. Raises `AccountRefused`."""
    async with open_for_cli(await _url(settings)) as database:
        await remove_account(database, name, by=by)


async def set_password_of(settings: Settings, name: str, password: str, *, by: str) -> None:
    """Set the password of a user of a deployment. Raises `AccountRefused`."""
    async with open_for_cli(await _url(settings)) as database:
        await set_password(database, name, password, by=by)


async def make_token_of(settings: Settings, name: str, role: Role, *, days: float, by: str) -> str:
    """Make a token in a deployment's database. Raises `AccountRefused`."""
    async with open_for_cli(await _url(settings)) as database:
        return await make_token(database, name, role, days=days, by=by)


async def drop_token_of(settings: Settings, name: str, *, by: str) -> None:
    """Revoke a token in a deployment's database. Raises `AccountRefused`."""
    async with open_for_cli(await _url(settings)) as database:
        await drop_token(database, name, by=by)


async def _url(settings: Settings) -> str:
    """Return the database's address; one that is not there yet is made, so that a first user can be added before."""
    url = settings.storage.database_url.get_secret_value()
    file = sqlite_file(url)
    if file is not None and not await asyncio.to_thread(file.exists):
        await ensure_schema(url)
    return url


async def _note(database: Database, action: Action, by: str, **details: str) -> None:
    await record(database, action, by, details, conversations=0, messages=0)


async def _no_user(database: Database, name: str) -> str:
    known = ", ".join(user.name for user in await list_users(database)) or "none"
    return f"there is no user {name!r}; there are: {known}"


def _check_name(name: str) -> None:
    composed = unicodedata.normalize("NFKC", name)
    fits = all(letter.isalnum() or letter in "_.@-" for letter in name)
    if not name or len(name) > _LONGEST_NAME or composed != name or not fits:
        raise AccountRefused(
            f"{name!r} is no name for it; a name has 1 to {_LONGEST_NAME} letters, digits, and _ . @ - of them"
        )


async def _hashed(password: str) -> str:
    if len(password.strip()) < LEAST_LETTERS:
        raise AccountRefused(f"a password of fewer than {LEAST_LETTERS} characters can be guessed; choose a longer one")
    if len(password) > _MOST_LETTERS:
        raise AccountRefused(f"a password has at most {_MOST_LETTERS} characters")
    return await asyncio.to_thread(hash_user_password, password)
