"""Adds, changes and removes users of the console and tokens of programs, and writes that into the audit."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pipeline.errors import WebotError
from pipeline.settings import Settings
from pipeline.text.i18n import Sentence
from storage.accounts.tokens import create_token, list_tokens, revoke_token
from storage.accounts.users import (
    LastOperator,
    add_user,
    change_password,
    change_role,
    end_sessions,
    find_user,
    list_users,
    remove_user,
)
from storage.conversations.audit import record
from storage.conversations.audit_actions import Action
from storage.database.access import ensure_schema, open_for_cli, sqlite_file
from storage.database.engine import Database
from web.security.role_names import Role
from web.security.roles import ROLES
from web.security.user_passwords import hash_user_password

LEAST_LETTERS = 12
"""Of a password."""
_MOST_LETTERS = 1024
_LONGEST_NAME = 64

Got = TypeVar("Got")


class AccountRefused(WebotError):
    """An account cannot be made or changed as asked; the message says why and what would be right."""


class AccountUnknown(AccountRefused):
    """There is no such user or token."""


class AccountConflict(AccountRefused):
    """There is one of this name already, or nobody else could manage users."""


async def add_account(database: Database, name: str, role: Role, password: str, *, by: str) -> None:
    """Add a user. Raises `AccountRefused`."""
    _check_name(name)
    if not await add_user(database, name, role, await _hashed(password)):
        raise AccountConflict(Sentence("accounts.user_taken", name=name))
    await _note(database, "user_add", by, user=name, role=role)


async def remove_account(database: Database, name: str, *, by: str) -> Sequence[str]:
    """Remove a user, whose sessions end at once, and return the tokens revoked with them. Raises `AccountRefused`."""
    try:
        revoked = await remove_user(database, name)
    except LastOperator:
        raise AccountConflict(Sentence("accounts.last_operator", name=name)) from None
    if revoked is None:
        raise await _unknown_user(database, name)
    await _note(database, "user_remove", by, user=name, tokens=revoked)
    return revoked


async def set_role(database: Database, name: str, role: Role, *, by: str) -> Sequence[str]:
    """Set the role of a user; their sessions end at once, and so do tokens they made that may do more than they.

    Return the names of these tokens. Raises `AccountRefused`.
    """
    keep = [each for each in Role if ROLES[each] <= ROLES[role]]
    try:
        revoked = await change_role(database, name, role, keep=keep)
    except LastOperator:
        raise AccountConflict(Sentence("accounts.last_operator", name=name)) from None
    if revoked is None:
        raise await _unknown_user(database, name)
    await _note(database, "user_role", by, user=name, role=role, tokens=revoked)
    return revoked


async def set_password(database: Database, name: str, password: str, *, by: str) -> None:
    """Set a user's password; their sessions end at once. Raises `AccountRefused`."""
    if not await change_password(database, name, await _hashed(password)):
        raise await _unknown_user(database, name)
    await _note(database, "user_password", by, user=name)


async def sign_out_everywhere(database: Database, name: str, *, by: str) -> int:
    """End a user's sessions and return how many there were. Raises `AccountRefused`."""
    if await find_user(database, name) is None:
        raise await _unknown_user(database, name)
    ended = await end_sessions(database, name)
    await _note(database, "user_sign_out", by, user=name)
    return ended


async def make_token(database: Database, name: str, role: Role, *, days: float, by: str) -> str:
    """Make a token for a program and return it; it is kept nowhere. Raises `AccountRefused`."""
    _check_name(name)
    secret = await create_token(database, name, role, days=days, by=by)
    if secret is None:
        raise AccountConflict(Sentence("accounts.token_taken", name=name))
    await _note(database, "token_create", by, token=name, role=role, days=str(days))
    return secret


async def drop_token(database: Database, name: str, *, by: str) -> Sequence[str]:
    """Revoke a token, and those made with it, whose names it returns. Raises `AccountRefused`."""
    revoked = await revoke_token(database, name)
    if revoked is None:
        known = ", ".join(token.name for token in await list_tokens(database)) or "–"
        raise AccountUnknown(Sentence("accounts.no_token", name=name, known=known))
    await _note(database, "token_revoke", by, token=name, tokens=revoked)
    return revoked


def run_on_accounts(settings: Settings, work: Callable[[Database], Awaitable[Got]]) -> Got:
    """Do something with the database of a deployment; one that is not there yet is made for its first user."""

    async def run() -> Got:
        url = settings.storage.database_url.get_secret_value()
        file = sqlite_file(url)
        if file is not None and not await asyncio.to_thread(file.exists):
            await ensure_schema(url)
        async with open_for_cli(url) as database:
            return await work(database)

    return asyncio.run(run())


async def _note(database: Database, action: Action, by: str, **details: str | Sequence[str]) -> None:
    await record(database, action, by, details, conversations=0, messages=0)


async def _unknown_user(database: Database, name: str) -> AccountUnknown:
    known = ", ".join(user.name for user in await list_users(database)) or "–"
    return AccountUnknown(Sentence("accounts.no_user", name=name, known=known))


def _check_name(name: str) -> None:
    composed = unicodedata.normalize("NFKC", name)
    fits = all(letter.isalnum() or letter in "_.@-" for letter in name)
    if not name or len(name) > _LONGEST_NAME or composed != name or not fits:
        raise AccountRefused(Sentence("accounts.no_name", name=name[: 2 * _LONGEST_NAME], most=_LONGEST_NAME))


async def _hashed(password: str) -> str:
    if len(password.strip()) < LEAST_LETTERS:
        raise AccountRefused(Sentence("accounts.short_password", least=LEAST_LETTERS))
    if len(password) > _MOST_LETTERS:
        raise AccountRefused(Sentence("accounts.long_password", most=_MOST_LETTERS))
    return await asyncio.to_thread(hash_user_password, password)
