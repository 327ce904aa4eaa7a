"""Tokens of programs, attacked: what opens the API with one, and what whoever is shut out may have left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from pipeline.settings import Settings
from storage.accounts.tokens import create_token, list_tokens
from storage.conversations.audit import deeds
from storage.database.engine import Database
from tests.service import RunningService, running_service
from web.operator.accounts import (
    add_account,
    drop_token,
    make_token,
    remove_account,
    set_password,
    set_role,
    sign_out_everywhere,
)
from web.security.account_lookup import COOKIE, Accounts
from web.security.role_names import Role

PASSWORD = "芝麻开门，芝麻开门吧！芝麻"
SHELL = "root@host"
STATUS = "/api/v1/status"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        for name in ("wang", "li"):
            await add_account(opened.service.database, name, Role.OPERATOR, PASSWORD, by=SHELL)
        yield opened


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_opens_the_api_as_it_is_in_its_header_and_in_no_other_place(service: RunningService) -> None:
    token = await make_token(service.service.database, "ci", Role.OPERATOR, days=1, by=SHELL)
    elsewhere = (
        *({"Authorization": f"{scheme} {token}"} for scheme in ("Basic", "Token", "Digest", "Bearer Bearer")),
        *({"Authorization": f"Bearer {spoilt}"} for spoilt in (token[:-1], token + "x", token.upper(), f'"{token}"')),
        *({"Authorization": f"Bearer {spoilt}"} for spoilt in ("webot_", token.removeprefix("webot_"), f"{token} x")),
        *({name: token} for name in ("Authorization", "X-Api-Key", "X-Auth-Token", "Proxy-Authorization")),
        {"Cookie": f"{COOKIE}={token}"},
        {"Cookie": f"token={token}; access_token={token}"},
    )
    refused = [(await service.console.get(STATUS, headers=each)).status_code for each in elsewhere]
    addresses = [
        (await service.console.get(f"{STATUS}?{name}={token}")).status_code
        for name in ("token", "access_token", "api_key", "key", "authorization")
    ]
    twice = await service.console.get(STATUS, headers=[*bearer(token).items(), *bearer(token).items()])
    whole = await service.console.get(STATUS, headers={"authorization": f"bearer   {token}"})

    assert {401} == {*refused, *addresses}
    assert [400, 200] == [twice.status_code, whole.status_code]


async def test_a_token_in_an_address_is_answered_and_logged_nowhere(
    service: RunningService, capfd: pytest.CaptureFixture[str]
) -> None:
    token = await make_token(service.service.database, "ci", Role.OPERATOR, days=1, by=SHELL)
    answers = [
        await service.console.get(path, headers=sent)
        for path in (
            f"{STATUS}?token={token}",
            f"/api/v1/{token}",
            f"/console/{token}?a={token}",
        )
        for sent in ({}, bearer(token), {"Accept": "text/html"})
    ]
    logged = "".join(capfd.readouterr())

    assert not [each for each in answers if token in f"{each.text}{each.headers}".replace(str(each.url), "")]
    assert token not in logged


Shuts = Callable[[Database], Awaitable[object]]


@pytest.mark.parametrize(
    ("shuts", "left"),
    [
        pytest.param(
            lambda database: remove_account(database, "wang", by=SHELL), {"li's", "shell's"}, id="the user is removed"
        ),
        pytest.param(
            lambda database: set_role(database, "wang", Role.READER, by=SHELL),
            {"li's", "shell's", "wang's reader"},
            id="the role is lowered",
        ),
        pytest.param(
            lambda database: set_role(database, "wang", Role.PROMPT_ENGINEER, by=SHELL),
            {"li's", "shell's", "wang's reader", "wang's engineer"},
            id="the role is lowered by one",
        ),
        pytest.param(
            lambda database: drop_token(database, "wangs-operator", by=SHELL),
            {"li's", "shell's", "wang's reader", "wang's engineer"},
            id="the token is revoked with which others were made",
        ),
    ],
)
async def test_whoever_is_shut_out_has_left_no_token_behind(
    service: RunningService, shuts: Shuts, left: set[str]
) -> None:
    """One who fears to be found makes a token, and another with that."""
    database = service.service.database
    made = {"shell's": await make_token(database, "shells", Role.OPERATOR, days=1, by=SHELL)}
    sessions = {name: await sign_in(service, name) for name in ("wang", "li")}

    async def make(name: str, role: Role, **by: str) -> str:
        asked = await service.console.post("/api/v1/tokens", json={"name": name, "role": role, "days": 1}, headers=by)
        assert 201 == asked.status_code
        return str(asked.json()["token"])

    wang, li = ({"Cookie": f"{COOKIE}={sessions[name]}"} for name in ("wang", "li"))
    made["li's"] = await make("lis", Role.OPERATOR, **li)
    made["wang's reader"] = await make("wangs-reader", Role.READER, **wang)
    made["wang's engineer"] = await make("wangs-engineer", Role.PROMPT_ENGINEER, **wang)
    made["wang's operator"] = await make("wangs-operator", Role.OPERATOR, **wang)
    made["made with it"] = await make("second", Role.READER, **bearer(made["wang's operator"]))
    made["made with that"] = await make("third", Role.OPERATOR, **bearer(made["wang's operator"]))
    made["made with the third"] = await make("fourth", Role.OPERATOR, **bearer(made["made with that"]))
    assert {200} == {(await service.console.get(STATUS, headers=bearer(each))).status_code for each in made.values()}
    await shuts(database)

    opens = {
        name
        for name, each in made.items()
        if (await service.console.get(STATUS, headers=bearer(each))).status_code == 200
    }
    assert left == opens
    assert len(left) == len(await list_tokens(database))
    assert {"second", "third", "fourth"} <= {*(await deeds(database))[0].details["tokens"]}


async def sign_in(service: RunningService, name: str) -> str:
    form = {"name": name, "password": PASSWORD}
    answer = await service.console.post("/console/sign-in", data=form, headers={"Accept": "text/html"})
    service.console.cookies.clear()
    return str(answer.cookies[COOKIE])


@pytest.mark.parametrize("stored", ["root", "", "OPERATOR", "operator ", "管理员"])
async def test_a_role_this_version_does_not_know_opens_nothing(database: Database, stored: str) -> None:
    token = await create_token(database, "ci", stored, days=1, by=SHELL)

    assert token
    assert await Accounts(database, real=True).by_token(token, Settings()) is None


SHUT_OUT: dict[str, Shuts] = {
    "removed": lambda database: remove_account(database, "removed", by=SHELL),
    "lowered": lambda database: set_role(database, "lowered", Role.READER, by=SHELL),
    "password": lambda database: set_password(database, "password", PASSWORD + "!", by=SHELL),
    "signed-out": lambda database: sign_out_everywhere(database, "signed-out", by=SHELL),
    "token": lambda database: drop_token(database, "token", by=SHELL),
}
FOLLOWED = ("/console/stream?user=zhao", "/console/api/follow?user=zhao")


async def test_who_is_shut_out_reads_no_further_in_what_was_open(service: RunningService) -> None:
    database = service.service.database
    for name in SHUT_OUT:
        await add_account(database, name, Role.OPERATOR, PASSWORD, by=SHELL)
    allowed = {name: {"Cookie": f"{COOKIE}={await sign_in(service, name)}"} for name in (*SHUT_OUT, "li")}
    allowed["token"] = bearer(await make_token(database, "token", Role.OPERATOR, days=1, by=SHELL))
    async with AsyncExitStack() as following:
        open_ = {
            (name, address): (
                await following.enter_async_context(service.console.stream("GET", address, headers=headers))
            ).aiter_text()
            for name, headers in allowed.items()
            for address in FOLLOWED
        }
        await service.phone("zhao").say("早安")
        for lines in open_.values():
            await read_to(lines, "早安")
        for shuts in SHUT_OUT.values():
            await shuts(database)
        await service.phone("zhao").say("晚安")
        await asyncio.gather(*(read_to(open_["li", address], "晚安") for address in FOLLOWED))
        rest = {who: await read_to(lines, "晚安") for who, lines in open_.items() if who[0] != "li"}

    assert len(SHUT_OUT) * len(FOLLOWED) == len(rest)
    assert not [who for who, read in rest.items() if "晚安" in read]


async def read_to(lines: AsyncIterator[str], wanted: str) -> str:
    """Return what is read of what is followed, until something wanted is in it or it ends."""
    seen = ""
    async for each in lines:
        seen += each
        if wanted in seen:
            break
    return seen


async def test_sessions_and_tokens_hold_while_many_ask_at_once(service: RunningService) -> None:
    """A change of one user in the middle of it shuts out that user and nobody else."""
    database = service.service.database
    sessions = {name: {"Cookie": f"{COOKIE}={await sign_in(service, name)}"} for name in ("wang", "li")}
    token = bearer(await make_token(database, "ci", Role.READER, days=1, by=SHELL))

    async def ask(**headers: str) -> httpx2.Response:
        return await service.console.get(STATUS, headers=headers)

    before = [ask(**who) for _ in range(40) for who in (*sessions.values(), token)]
    answers = await asyncio.gather(*before, set_password(database, "wang", PASSWORD + "!", by=SHELL))
    after = await asyncio.gather(*(ask(**who) for _ in range(10) for who in (*sessions.values(), token)))

    statuses = [each.status_code for each in answers if isinstance(each, httpx2.Response)]
    assert {200} == {*statuses[1::3], *statuses[2::3]}
    assert [401, 200, 200] * 10 == [each.status_code for each in after]
