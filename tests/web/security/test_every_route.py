"""Every route of the console and the API with every role, by session and by token, asked over HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path

import httpx2
import pytest
from litestar.routes import HTTPRoute
from structlog.testing import capture_logs

from storage.accounts.users import add_user
from tests.service import RunningService, running_service
from web.api.routes import api_routes
from web.console.routes import console_routes
from web.operator.accounts import make_token
from web.security.account_lookup import COOKIE
from web.security.guard import ConsoleGuard
from web.security.headers import SAFETY
from web.security.role_names import Role
from web.security.roles import ROLES, Permission, permission_of

DOCS = Path(__file__).parents[3] / "docs"
READS = "WEBOT_CONSOLE__PROMPT_ENGINEERS_READ"
_REFUSED = {401, 403}
_AT_ONCE = 8

Route = tuple[str, str, Permission]


def routes(running: RunningService) -> Iterator[Route]:
    """Give each route's method, an address of it, and the permission it declares."""
    service = running.service
    guard = ConsoleGuard(lambda: service.settings, service.access, service.accounts)
    for router in (*api_routes(service, guard), *console_routes(service, guard)):
        for route in router.routes:
            assert isinstance(route, HTTPRoute)
            for handler in route.route_handlers:
                # The framework's own, which says what methods there are.
                if handler.http_methods == {"OPTIONS"}:
                    continue
                address = re.sub(r"\{\w+:\w+\}", "1", route.path)
                yield from ((str(method), address, permission_of(handler)) for method in handler.http_methods)


@asynccontextmanager
async def with_users(folder: Path, **environ: str) -> AsyncIterator[RunningService]:
    async with running_service(folder, environ) as opened:
        # Nobody signs in with it: sessions are begun where the sign-in begins them.
        assert await add_user(opened.service.database, "somebody", Role.OPERATOR, "no hash")
        yield opened


async def statuses(running: RunningService, role: Role | None, *, by: str) -> dict[Route, int]:
    """Ask every route as one role and give the statuses."""
    return {route: answer.status_code for route, answer in (await answers(running, role, by=by)).items()}


async def answers(running: RunningService, role: Role | None, *, by: str, **sent: str) -> dict[Route, httpx2.Response]:
    """Ask every route as one role and give the heads of the answers; with headers `sent`, those that change things."""
    token = ""
    if role and by == "token":
        token = await make_token(running.service.database, f"a-{role}", role, days=1, by="t")
    some = asyncio.Semaphore(_AT_ONCE)

    async def ask(route: Route) -> httpx2.Response:
        headers = sent | ({"Authorization": f"Bearer {token}"} if token else {}) | {"Accept": "application/json"}
        if role and by == "session":
            # One for each: some route ends it.
            headers["Cookie"] = f"{COOKIE}={await running.service.accounts.begin('somebody', role)}"
        # What streams goes on until one leaves.
        async with some, running.console.stream(route[0], route[1], headers=headers, timeout=60) as answer:
            return answer

    every = [
        route for route in routes(running) if role is None or (route[2] is not Permission.OPEN and _is_for(by, route))
    ]
    return dict(zip(every, await asyncio.gather(*(ask(route) for route in every)), strict=True))


def _is_for(by: str, route: Route) -> bool:
    """Whether a route is asked that way: programs ask the API, but pages would let them in just so."""
    return route[2] is not Permission.OPEN and (by == "session" or route[1].startswith("/api/"))


async def test_without_signing_in_only_open_routes_answer(tmp_path: Path) -> None:
    async with with_users(tmp_path) as running:
        answered = await answers(running, None, by="")
    found = {route: answer.status_code for route, answer in answered.items()}

    assert len(found) > 100
    for route, answer in answered.items():
        assert SAFETY == {name: answer.headers.get(name) for name in SAFETY}, route
        assert route[2] is Permission.OPEN or "no-store" == answer.headers["cache-control"], route
    assert {401} == {status for (_, _, permission), status in found.items() if permission is not Permission.OPEN}
    # A password that is none is refused by the sign-in itself.
    opened = {route: status for route, status in found.items() if route[2] is Permission.OPEN}
    assert {("POST", "/console/sign-in")} == {route[:2] for route, status in opened.items() if status in _REFUSED}


async def test_an_address_says_what_methods_it_has(tmp_path: Path) -> None:
    async with with_users(tmp_path) as running:
        addresses = {address for _, address, _ in routes(running)}
        with capture_logs() as logged:
            answered = {address: await running.console.request("OPTIONS", address) for address in addresses}
        token = {"Authorization": f"Bearer {running.service.access.token}"}
        by_program = await running.console.request("OPTIONS", "/api/v1/status", headers=token)
        foreign = await running.console.request("OPTIONS", "/api/v1/status", headers={"Host": "evil.example"})

    assert {204} == {answer.status_code for answer in (*answered.values(), by_program)}
    assert all("OPTIONS" in answer.headers["allow"] for answer in answered.values())
    assert 403 == foreign.status_code
    assert [] == [each for each in logged if each["event"] == "request_broke"]


async def test_each_role_is_let_in_where_it_may_be_and_nowhere_else(tmp_path: Path) -> None:
    async with with_users(tmp_path) as running:
        for role, by in product(Role, ("session", "token")):
            found = await statuses(running, role, by=by)
            refused = {route for route, status in found.items() if status in _REFUSED}

            assert {route for route in found if route[2] not in ROLES[role]} == refused, (role, by)
            assert {403} >= {found[route] for route in refused}, (role, by)


async def test_prompt_engineers_read_conversations_where_the_settings_say_so(tmp_path: Path) -> None:
    async with with_users(tmp_path, **{READS: "true"}) as running:
        found = await statuses(running, Role.PROMPT_ENGINEER, by="session")

    allowed = ROLES[Role.PROMPT_ENGINEER] | {Permission.READ_CONVERSATIONS}
    assert {route for route in found if route[2] not in allowed} == {
        route for route, status in found.items() if status in _REFUSED
    }


async def test_no_other_page_changes_anything_in_the_name_of_who_is_signed_in(tmp_path: Path) -> None:
    foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    async with with_users(tmp_path) as running:
        for sent in (foreign, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}):
            found = await answers(running, Role.OPERATOR, by="session", **sent)

            assert len(found) > 40
            assert {403} == {answer.status_code for answer in found.values()}, sent


@pytest.mark.parametrize("page", ["console.md", "console.zh-CN.md"])
def test_the_documentation_says_which_role_may_what(page: str) -> None:
    """Each row names its permissions in a comment, which readers do not see."""
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ <!-- ([a-z_, ]+) --> \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    columns = (Role.OPERATOR, Role.PROMPT_ENGINEER, Role.READER)
    written: dict[str, tuple[bool, ...]] = {}
    for names, *cells in rows:
        for name in names.split(", "):
            assert name not in written, name
            written[name] = tuple(cell in {"yes", "是"} for cell in cells)

    expected = {
        str(each): tuple(each in ROLES[role] for role in columns) for each in Permission if each is not Permission.OPEN
    }
    assert expected == written
