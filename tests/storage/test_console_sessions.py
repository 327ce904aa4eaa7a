"""Sessions of the console, many at once: ended ones open nothing, and there are never more than so many."""

import asyncio
import random

from sqlalchemy import func, select

from storage.accounts.sessions import MOST_SESSIONS, begin_session, begin_user_session, end_session, find_session
from storage.accounts.users import (
    add_user,
    change_password,
    change_role,
    count_sessions,
    end_sessions,
    find_user,
    remove_user,
)
from storage.database.console_tables import console_sessions
from storage.database.engine import Database


async def sign_in(database: Database, name: str, password_hash: str) -> str | None:
    return await begin_user_session(database, name, "reader", password_hash=password_hash)


async def alive(database: Database, secrets: list[str | None]) -> int:
    found = await asyncio.gather(*(find_session(database, secret) for secret in secrets if secret))
    return sum(each is not None for each in found)


async def stored(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(console_sessions))).scalar_one())


async def test_a_name_has_so_many_sessions_and_the_latest_stay(database: Database) -> None:
    await add_user(database, "wang", "reader", "h")
    own = await sign_in(database, "li", "h")
    early = [await sign_in(database, "wang", "h") for _ in range(5)]
    of_settings = await begin_session(database, "", "operator", credential="c")
    late = await asyncio.gather(*(sign_in(database, "wang", "h") for _ in range(MOST_SESSIONS + 40)))
    last = [await sign_in(database, "wang", "h") for _ in range(5)]

    assert own is None
    assert len(set(late)) == MOST_SESSIONS + 40
    assert {"wang": MOST_SESSIONS} == await count_sessions(database)
    assert MOST_SESSIONS + 1 == await stored(database)
    assert (0, 5) == (await alive(database, early), await alive(database, last))
    assert MOST_SESSIONS == await alive(database, [*early, *late, *last])
    assert 1 == await alive(database, [of_settings])


async def test_ending_a_users_sessions_ends_all_of_them_and_nobody_elses(database: Database) -> None:
    for name in ("wang", "li"):
        await add_user(database, name, "reader", "h")
    begun = {
        name: list(await asyncio.gather(*(sign_in(database, name, "h") for _ in range(30)))) for name in ("wang", "li")
    }
    # Some leave by themselves while the others are looked for and ended.
    left = [end_session(database, secret) for secret in begun["wang"][:10] if secret]
    looked = [find_session(database, secret) for secret in begun["wang"] if secret]
    await asyncio.gather(*left, *looked, end_sessions(database, "wang"))

    assert (0, 30) == (await alive(database, begun["wang"]), await alive(database, begun["li"]))
    assert {"li": 30} == await count_sessions(database)


async def test_no_session_begins_with_what_a_user_no_longer_is(database: Database) -> None:
    await add_user(database, "wang", "reader", "old")
    await add_user(database, "boss", "operator", "h")
    for change in (
        change_password(database, "wang", "new"),
        change_role(database, "wang", "prompt_engineer", keep=()),
        remove_user(database, "wang"),
    ):
        user = await find_user(database, "wang")
        assert user is not None

        async def begin(role: str = user.role, password_hash: str = user.password_hash) -> str | None:
            # Passwords are checked for different times, so that some begin before the change and some after it.
            for _ in range(random.randrange(4)):  # noqa: S311 -- an order, no secret
                await asyncio.sleep(0)
            return await begin_user_session(database, "wang", role, password_hash=password_hash)

        begun, _, more = await asyncio.gather(
            asyncio.gather(*(begin() for _ in range(10))), change, asyncio.gather(*(begin() for _ in range(10)))
        )

        assert 0 == await alive(database, [*begun, *more])
        assert await begin() is None
    assert 0 == await stored(database)
