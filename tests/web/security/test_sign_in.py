"""Signing in to the console with a name and a password, and using the API with a token."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from storage.accounts.sessions import SESSION_SECONDS, begin_session, digest_of, find_session
from storage.accounts.tokens import create_token, find_token, list_tokens
from storage.conversations.audit import deeds
from storage.database.engine import Database
from tests.service import RunningService, running_service
from tests.web.credentials import credentials
from web.operator.accounts import (
    AccountRefused,
    add_account,
    drop_token,
    make_token,
    remove_account,
    set_password,
)
from web.security.account_lookup import COOKIE
from web.security.role_names import Role
from web.security.user_passwords import hash_user_password, user_password_fits

PASSWORD = "芝麻开门，芝麻开门吧！芝麻"
PAGE = {"Accept": "text/html", "Accept-Language": "en"}


@asynccontextmanager
async def with_users(folder: Path, **users: Role) -> AsyncIterator[RunningService]:
    """Serve a console that has users, all of one password."""
    async with running_service(folder) as service:
        for name, role in users.items():
            await add_account(service.service.database, name, role, PASSWORD, by="root@host")
        yield service


async def sign_in(service: RunningService, name: str, password: str = PASSWORD, **more: str) -> httpx2.Response:
    form = {"name": name, "password": password, **more}
    return await service.console.post("/console/sign-in", data=form, headers=PAGE)


async def acts(service: RunningService) -> list[tuple[str, str]]:
    return [(deed.who, deed.action) for deed in await deeds(service.service.database)]


def test_a_password_is_kept_as_argon2id_and_fits_alone() -> None:
    hashed = hash_user_password(PASSWORD)

    assert hashed.startswith("$argon2id$v=19$")
    assert user_password_fits(PASSWORD, hashed)
    assert not any(user_password_fits(PASSWORD + "!", each) for each in (hashed, None, "", "$argon2id$", "scrypt$1"))
    assert not user_password_fits("", None)


async def test_with_the_first_user_everyone_has_to_sign_in_and_a_page_says_where(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        before = await service.console.get("/console/status", headers=PAGE)
        await add_account(service.service.database, "wang", Role.OPERATOR, PASSWORD, by="root@host")
        opened = await service.console.get("/console/status?lang=en", headers=PAGE)
        asked = await service.console.get("/api/v1/status", headers={"Accept-Language": "en"})
        script = await service.console.get("/console/api/status", headers={"Sec-Fetch-Mode": "cors"})
        looks = await service.console.get("/console/sign-in", headers=PAGE)

    assert 200 == before.status_code
    assert (303, "/console/sign-in?next=%2Fconsole%2Fstatus%3Flang%3Den&lang=en") == (
        opened.status_code,
        opened.headers["location"],
    )
    assert (401, "Please sign in.") == (asked.status_code, asked.json()["detail"])
    # Anything but Basic: a browser asks for no password of its own.
    assert (401, 'Bearer realm="webot"') == (script.status_code, script.headers["www-authenticate"])
    assert 200 == looks.status_code
    assert "script-src" not in looks.text
    assert not re.search(r"<script(?! src)|style=|onclick", looks.text)


async def test_whoever_signs_in_goes_on_to_the_page_and_is_known_until_they_sign_out(tmp_path: Path) -> None:
    async with with_users(tmp_path, wang=Role.OPERATOR) as service:
        entered = await sign_in(service, "wang", next="/console/status")
        page = await service.console.get("/console/status", headers=PAGE)
        left = await service.console.post("/console/sign-out", headers=PAGE)
        after = await service.console.get("/api/v1/status", headers={"Cookie": f"{COOKIE}={entered.cookies[COOKIE]}"})
        noted = await acts(service)

    assert (303, "/console/status") == (entered.status_code, entered.headers["location"])
    cookie = entered.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
    assert 200 == page.status_code
    assert "wang" in page.text
    assert (303, "/console/sign-in") == (left.status_code, left.headers["location"])
    assert 401 == after.status_code
    assert [("console:wang", "sign_out"), ("console:wang", "sign_in"), ("root@host", "user_add")] == noted


async def test_a_wrong_name_or_password_says_the_same_and_more_of_them_have_to_wait(tmp_path: Path) -> None:
    async with with_users(tmp_path, wang=Role.OPERATOR) as service:
        tried = [
            await sign_in(service, *pair)
            for pair in (("wang", "wrong"), ("nobody", PASSWORD), ("<script>", "\0" * 2000))
        ]
        fourth = await sign_in(service, "wang", "wrong")
        waits = await sign_in(service, "wang")
        outside = [
            (await sign_in(service, "wang", next=each)).headers.get("location")
            for each in ("//evil.example", "https:x")
        ]

    assert [401, 401, 401] == [each.status_code for each in tried]
    assert all("Name or password is wrong" in each.text for each in tried)
    assert "<script>" not in tried[2].text
    assert COOKIE not in waits.cookies
    assert [401, 429] == [fourth.status_code, waits.status_code]
    assert [None, None] == outside


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "/console//evil", "/console/\\e", "/x"])
async def test_signing_in_leads_to_no_other_site(tmp_path: Path, address: str) -> None:
    async with running_service(tmp_path) as service:
        code = service.service.accounts.offer_code()
        entered = await service.console.post("/console/sign-in", data={"code": code, "next": address}, headers=PAGE)

    assert "/console" == entered.headers["location"]


async def test_no_other_page_signs_anybody_in_or_out(tmp_path: Path) -> None:
    async with with_users(tmp_path, wang=Role.OPERATOR) as service:
        foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
        form = {"name": "wang", "password": PASSWORD}
        entered = await service.console.post("/console/sign-in", data=form, headers=PAGE | foreign)
        left = await service.console.post("/console/sign-out", headers=PAGE | foreign)

    assert [403, 403] == [entered.status_code, left.status_code]
    assert not entered.cookies


async def test_a_new_password_or_the_removal_of_a_user_ends_their_sessions(tmp_path: Path) -> None:
    async with with_users(tmp_path, wang=Role.OPERATOR, li=Role.READER) as service:
        database = service.service.database
        found = []
        for name, change in (
            ("wang", set_password(database, "wang", PASSWORD + "新", by="root@host")),
            ("li", remove_account(database, "li", by="root@host")),
        ):
            service.console.cookies.clear()
            await sign_in(service, name)
            before = (await service.console.get("/api/v1/status")).status_code
            await change
            found.append((before, (await service.console.get("/api/v1/status")).status_code))

    assert [(200, 401), (200, 401)] == found


async def test_each_role_opens_its_own_pages_and_no_other(tmp_path: Path) -> None:
    async with with_users(tmp_path, boss=Role.OPERATOR, writer=Role.PROMPT_ENGINEER, viewer=Role.READER) as service:
        found = {}
        for name in ("boss", "writer", "viewer"):
            service.console.cookies.clear()
            await sign_in(service, name)
            said = {"user": "zhangsan", "content": {"kind": "text", "text": "@help"}}
            asked = [
                await service.console.get("/console/status"),
                await service.console.get("/metrics"),
                await service.console.post("/console/api/do", json=said),
            ]
            found[name] = [each.status_code for each in asked]

    assert {"boss": [200, 200, 200], "writer": [200, 200, 200], "viewer": [200, 200, 403]} == found


async def test_a_real_channel_makes_the_start_offer_an_address_that_works_once(tmp_path: Path) -> None:
    async with WeComSimulator([invent_app()]) as platform:
        environ = credentials(platform.app(), platform.url) | {"WEBOT_CHANNELS__HR__PATH": "/hr"}
        async with running_service(tmp_path, environ) as service:
            asked = await service.console.get("/console", headers=PAGE)
            code = service.service.accounts.offer_code()
            page = await service.console.get(f"/console/sign-in?code={code}", headers=PAGE)
            entered = await service.console.post("/console/sign-in", data={"code": code}, headers=PAGE)
            opened = await service.console.get("/console", headers=PAGE)
            service.console.cookies.clear()
            again = await service.console.post("/console/sign-in", data={"code": code}, headers=PAGE)
            empty = await service.console.post("/console/sign-in", data={"code": ""}, headers=PAGE)

    assert (303, "/console/sign-in") == (asked.status_code, asked.headers["location"])
    # Looking does not use it up: programs that preview addresses do.
    assert f'value="{code}"' in page.text
    assert [303, 200] == [entered.status_code, opened.status_code]
    assert [401, 401] == [again.status_code, empty.status_code]
    assert "used already" in again.text


async def test_a_program_uses_its_token_until_it_is_revoked(tmp_path: Path) -> None:
    async with with_users(tmp_path, wang=Role.OPERATOR) as service:
        database = service.service.database
        token = await make_token(database, "ci", Role.READER, days=1, by="root@host")
        bearer = {"Authorization": f"Bearer {token}"}
        allowed = await service.console.get("/api/v1/status", headers=bearer)
        denied = await service.console.post("/console/api/do", json={}, headers=bearer)
        wrong = await service.console.get("/api/v1/status", headers={"Authorization": f"Bearer {token[:-1]}"})
        await drop_token(database, "ci", by="root@host")
        revoked = await service.console.get("/api/v1/status", headers=bearer)
        stored = [repr(each) for each in await list_tokens(database)]

    assert [200, 403, 401, 401] == [each.status_code for each in (allowed, denied, wrong, revoked)]
    assert [] == stored


async def test_sessions_and_tokens_end_by_themselves_and_are_kept_without_their_secrets(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = await begin_session(database, "wang", "operator")
    token = await create_token(database, "ci", "reader", days=1, by="root@host")
    assert token is not None
    again = await create_token(database, "ci", "reader", days=1, by="root@host")
    found = await find_session(database, secret)
    assert found is not None
    assert ("wang", 64) == (found.name, len(digest_of(secret)))
    assert (await find_token(database, token)) is not None
    later = found.expires_at + SESSION_SECONDS + 2 * 86400
    monkeypatch.setattr("storage.accounts.sessions.time", lambda: later)
    monkeypatch.setattr("storage.accounts.tokens.time", lambda: later)

    assert again is None
    assert await find_session(database, secret) is None
    assert await find_token(database, token) is None


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        pytest.param("", PASSWORD, "'' cannot be used as a name", id="no name"),
        pytest.param("wang li", PASSWORD, "cannot be used as a name", id="a space"),
        pytest.param("ｗang", PASSWORD, "cannot be used as a name", id="full-width letters"),
        pytest.param("王\u202e", PASSWORD, "cannot be used as a name", id="a mark that turns text around"),
        pytest.param("wang", "short", "fewer than 12 characters", id="a short password"),
        pytest.param("王芳", PASSWORD, "there is a user '王芳' already", id="a name that is taken"),
    ],
)
async def test_what_is_no_account_is_refused_with_what_would_be_right(
    database: Database, name: str, password: str, said: str
) -> None:
    await add_account(database, "王芳", Role.READER, PASSWORD, by="root@host")
    with pytest.raises(AccountRefused, match=re.escape(said)):
        await add_account(database, name, Role.READER, password, by="root@host")
    with pytest.raises(AccountRefused, match=r"no user 'ghost'; there are: 王芳"):
        await remove_account(database, "ghost", by="root@host")


async def test_many_who_sign_in_at_once_are_checked_a_few_at_a_time(tmp_path: Path) -> None:
    async with with_users(tmp_path, wang=Role.OPERATOR) as service:
        asked = await asyncio.gather(*(sign_in(service, f"n{number}", "wrong") for number in range(20)))

    statuses = [each.status_code for each in asked]
    assert {401, 429} == set(statuses)
    assert 3 == statuses.count(401)
