"""Whoever was signed in when the database could last be asked still sees how it is, and may change nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipeline.settings import Settings
from storage.database.engine import open_database
from tests.databases import place_migrated_file
from tests.web.shell import free_port
from web.security.access import Access
from web.security.account_lookup import Accounts
from web.security.role_names import Role
from web.security.roles import Permission

READS = {Permission.OPEN, Permission.READ_USAGE, Permission.READ_TURNS}


@asynccontextmanager
async def signed_in(folder: Path, role: Role) -> AsyncIterator[tuple[Accounts, str]]:
    """Give the sessions of a console, and the secret of one that was seen."""
    await asyncio.to_thread(place_migrated_file, folder / "webot.db")
    database = await asyncio.to_thread(open_database, f"sqlite+aiosqlite:///{folder}/webot.db")
    away = await asyncio.to_thread(open_database, f"postgresql://webot@127.0.0.1:{free_port()}/webot")
    try:
        accounts = Accounts(database, real=True)
        secret = await accounts.begin("wang", role)
        seen = await accounts.by_session(secret, Settings(), Access())
        assert seen is not None
        assert role == seen.role
        accounts.database = away
        yield accounts, secret
    finally:
        await database.close()
        await away.close()


@pytest.mark.parametrize("role", Role)
async def test_a_session_that_may_have_ended_reads_while_the_database_is_away(role: Role, tmp_path: Path) -> None:
    async with signed_in(tmp_path, role) as (accounts, secret):
        found = await accounts.by_session(secret, Settings(), Access())

    assert found is not None
    assert "wang" == found.name
    assert READS == {each for each in Permission if found.may(each)}


async def test_a_session_that_was_never_seen_opens_nothing_while_the_database_is_away(tmp_path: Path) -> None:
    async with signed_in(tmp_path, Role.OPERATOR) as (accounts, secret):
        assert await accounts.by_session(secret[::-1], Settings(), Access()) is None
