"""Every route that changes something, done once by a user who is signed in: each is in the audit under the name."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import httpx2
from litestar.routes import HTTPRoute

from storage.accounts.users import add_user
from storage.conversations.audit import AuditRow, deeds
from storage.conversations.audit_actions import Action
from storage.database.tables import inbox
from storage.jobs.job_store import StoredJob, add_event, add_job
from tests.service import RunningService, running_service
from web.api.routes import api_routes
from web.console.routes import console_routes
from web.security.account_lookup import COOKIE
from web.security.guard import ConsoleGuard
from web.security.role_names import Role

PASSWORD = "correct horse battery"
CHAIN = 'command = "@hr"\nsystem_prompt = "You are HR."\n[[cases]]\ninput = "holiday"\nrubric = "short"\n'
API = "/api/v1"

Change = tuple[str, str]
"""A method and a route's path."""

CHANGES_NOTHING: dict[Change, str] = {
    ("POST", "/api/v1/chains/{}/try"): "asks a model one question, and keeps nothing",
    ("POST", "/api/v1/chains/check"): "looks at a text",
    ("POST", "/api/v1/models/{}/test"): "asks a model",
    ("POST", "/console/models/{}/test"): "asks a model",
    ("POST", "/console/doctor"): "looks around",
    ("POST", "/console/api/do"): "is a member of the simulator, who is nobody's account",
    ("POST", "/console/api/faults"): "belongs to the simulator",
    ("DELETE", "/console/api/faults"): "belongs to the simulator",
    ("POST", "/console/api/media"): "belongs to the simulator",
    ("POST", "/console/api/simulate"): "belongs to the simulator",
    ("POST", "/console/do"): "belongs to the simulator",
    ("POST", "/console/faults"): "belongs to the simulator",
    ("POST", "/console/faults/clear"): "belongs to the simulator",
    ("POST", "/console/upload"): "belongs to the simulator",
    ("POST", "/console/menu/push"): "needs an app of WeCom; tests/web/console/test_menu_page.py looks at its audit",
}


def routes(running: RunningService) -> set[Change]:
    """Give every route that is asked by another method than GET."""
    service = running.service
    guard = ConsoleGuard(lambda: service.settings, service.access, service.accounts)
    return {
        (str(method), re.sub(r"\{\w+:\w+\}", "{}", route.path))
        for router in (*api_routes(service, guard), *console_routes(service, guard))
        for route in router.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"GET", "HEAD", "OPTIONS"}
    }


class Walk:
    """Does one change after the other, and keeps of each which deeds it left."""

    def __init__(self, running: RunningService) -> None:
        self.running = running
        self.noted: dict[Change, list[AuditRow]] = {}

    async def ask(self, method: str, address: str, **sent: Any) -> httpx2.Response:  # noqa: ANN401 (what httpx takes)
        """Ask an address as a user in a session of its own."""
        secret = await self.running.service.accounts.begin("ann", Role.OPERATOR)
        headers = {"Cookie": f"{COOKIE}={secret}", "Accept": "application/json"} | sent.pop("headers", {})
        answer = await self.running.console.request(method, address, headers=headers, **sent)
        assert answer.status_code < 400, f"{method} {address}: {answer.text}"
        return answer

    async def do(self, method: str, route: str, *names: str, **sent: Any) -> httpx2.Response:  # noqa: ANN401 (what httpx takes)
        """Ask a route, its places filled with names, and keep what the audit says of it."""
        database = self.running.service.database
        before = {deed.id for deed in await deeds(database)}
        answer = await self.ask(method, route.format(*names), **sent)
        # An export is noted when what was said is read.
        for job in await self.running.service.jobs.list(("export",)):
            await self.running.service.jobs.finished(job.id)
        self.noted[method, route] = [deed for deed in await deeds(database) if deed.id not in before]
        return answer

    async def etag(self, address: str) -> str:
        """Give the mark of what is to be changed."""
        return str((await self.ask("GET", address)).json()["etag"])


@asynccontextmanager
async def walking(folder: Path) -> AsyncIterator[Walk]:
    environ = {"WEBOT_REPLAY__USERS": '["*"]'}
    async with running_service(folder, environ) as running:
        assert await add_user(running.service.database, "ann", Role.OPERATOR, "no hash")
        await running.phone("lisi").say("多少天年假？")
        await running.phone("lisi").texts(count=1)
        yield Walk(running)


async def test_every_route_that_changes_something_is_in_the_audit_with_who_and_what(tmp_path: Path) -> None:
    async with walking(tmp_path) as walk:
        known = routes(walk.running)
        await change_users(walk)
        await change_chains(walk)
        await run_jobs(walk)
        await change_models(walk)
        await change_what_was_said(walk)

    expected = EXPECTED.keys() | CHANGES_NOTHING.keys()
    assert expected == known
    assert EXPECTED.keys() == walk.noted.keys()
    missing = {route for route, action in EXPECTED.items() if action not in {deed.action for deed in walk.noted[route]}}
    assert set() == missing
    for route, found in walk.noted.items():
        named = {deed.who for deed in found if deed.action == EXPECTED[route]}
        assert named <= {"console:ann", "console:bob", "console"}, route
        assert all(deed.details or deed.action == "sign_out" for deed in found), route


async def change_users(walk: Walk) -> None:
    user = {"name": "bob", "role": "reader", "password": PASSWORD}
    token = {"name": "ci", "role": "reader", "days": 3}
    await walk.do("POST", f"{API}/users", json=user)
    await walk.do("PATCH", f"{API}/users/{{}}", "bob", json={"role": "operator"})
    await walk.do("POST", f"{API}/users/{{}}/sign-out", "bob")
    await walk.do("DELETE", f"{API}/users/{{}}", "bob")
    await walk.do("POST", f"{API}/tokens", json=token)
    await walk.do("DELETE", f"{API}/tokens/{{}}", "ci")
    await walk.do("POST", "/console/users", data=user)
    await walk.do("POST", "/console/users/{}/role", "bob", data={"role": "operator"})
    await walk.do("POST", "/console/users/{}/password", "bob", data={"password": PASSWORD})
    await walk.do("POST", "/console/users/{}/sign-out", "bob")
    await walk.do("POST", "/console/sign-in", data={"name": "bob", "password": PASSWORD})
    await walk.do("POST", "/console/sign-out")
    await walk.do("POST", "/console/users/{}/remove", "bob")
    await walk.do("POST", "/console/tokens", data={**token, "days": "3"})
    await walk.do("POST", "/console/tokens/{}/revoke", "ci")


async def change_chains(walk: Walk) -> None:
    first, chains = {"If-None-Match": "*"}, f"{API}/chains/{{}}"
    put = await walk.do("PUT", f"{chains}/draft", "hr", json={"text": CHAIN}, headers=first)
    await walk.do("DELETE", f"{chains}/draft", "hr", headers={"If-Match": put.headers["ETag"]})
    await walk.do("PUT", f"{chains}/draft", "hr", json={"text": CHAIN}, headers=first)
    await walk.do("POST", f"{chains}/rename", "hr", json={"to": "staff"})
    released = await walk.do("POST", f"{chains}/publish", "staff", json={})
    await walk.do("PUT", f"{chains}/draft", "staff", json={"text": f"{CHAIN}# 2\n"}, headers=first)
    await walk.do("POST", f"{chains}/publish", "staff", json={"share": 10})
    await walk.do("DELETE", f"{chains}/trial", "staff")
    await walk.do("POST", f"{chains}/publish", "staff", json={})
    old = released.json()["revision"]
    await walk.do("POST", f"{chains}/rollback", "staff", json={"revision": old})
    await walk.do("DELETE", chains, "staff")
    await walk.do("POST", "/console/chains", data={"name": "desk"})
    etag = await walk.etag(f"{API}/chains/desk/draft")
    await walk.do("POST", "/console/chains/{}", "desk", data={"text": CHAIN, "etag": etag})
    await walk.do("POST", "/console/chains/{}/rename", "desk", data={"name": "help"})
    etag = await walk.etag(f"{API}/chains/help/draft")
    await walk.do("POST", "/console/chains/{}/release", "help", data={"whom": "all", "etag": etag})
    await walk.do("POST", "/console/cases", data={"chain": "help", "question": "q", "rubric": "r"})
    etag = await walk.etag(f"{API}/chains/help/draft")
    await walk.do("POST", "/console/chains/{}/release", "help", data={"whom": "share", "share": "5", "etag": etag})
    await walk.do("POST", "/console/chains/{}/end", "help")
    await walk.do("POST", "/console/chains/{}/rollback", "help", data={"revision": old})
    await walk.do("POST", "/console/chains/{}/discard", "help", data={"etag": etag})
    await walk.do("POST", "/console/chains/{}/delete", "help")


async def run_jobs(walk: Walk) -> None:
    service, json = walk.running.service, {"Accept": "application/json"}
    await walk.do("POST", f"{API}/chains/{{}}/test", "default", json={}, headers=json)
    job = (await walk.do("POST", f"{API}/chains/{{}}/replay", "default", json={}, headers=json)).json()["id"]
    await service.jobs.finished(job)
    trace = 1
    place = f"{API}/chains/{{}}/jobs/{{}}"
    await add_event(service.database, job, "pair", f'{{"trace":{trace},"question":""}}')
    await walk.do("PUT", f"{place}/judgements/{{}}", "default", job, str(trace), json={"verdict": "same"})
    await walk.do(
        "POST", "/console/chains/{}/replay/{}/judge", "default", job, data={"trace": str(trace), "verdict": "same"}
    )
    await walk.do("DELETE", place, "default", job)
    # Other processes' work: nobody here brings it to its end before it is stopped.
    for number in range(2):
        ordered = {"revisions": ["a", "b"], "wish": {}}
        await add_job(service.database, StoredJob(f"j{number}", "chain_replay", "default", ordered, "li", time(), 0))
    await walk.do("POST", f"{place}/cancel", "default", "j0")
    await walk.do("POST", "/console/chains/{}/replay/{}/stop", "default", "j1")
    await walk.do("POST", "/console/chains/{}/replay", "default", data={"last": "5"})


async def change_models(walk: Walk) -> None:
    model = {"model": "m", "base_url": "http://127.0.0.1:9/v1"}
    place = f"{API}/models/{{}}"
    put = await walk.do("PUT", place, "fast", json=model, headers={"If-None-Match": "*"})
    await walk.do("DELETE", place, "fast", headers={"If-Match": put.headers["ETag"]})

    async def mark() -> dict[str, str]:
        return {"mark": await walk.etag(f"{API}/models/default")}

    await walk.do("POST", "/console/models/new", data={**model, "name": "slow", **await mark()})
    await walk.do("POST", "/console/models/{}/edit", "slow", data={"title": "x", **await mark()})
    await walk.do("POST", "/console/models/{}/remove", "slow", data=await mark())


async def change_what_was_said(walk: Walk) -> None:
    database = walk.running.service.database
    asked = {"format": "jsonl"}
    for state in ("failed", "undelivered"):
        async with database.write() as connection:
            await connection.execute(inbox.update().values(state="failed"))
        address = f"{API}/turns/retry" if state == "failed" else "/console/turns/retry"
        sent: dict[str, Any] = {"json": {"ids": "all"}} if state == "failed" else {"data": {"id": "all"}}
        await walk.do("POST", address, **sent)
    export = (await walk.do("POST", f"{API}/exports", json=asked)).json()["id"]
    await walk.do("DELETE", f"{API}/exports/{{}}", export)
    for number in range(2):
        ordered = {"filter": {}, "given": {}, "format": "jsonl", "masked": False, "language": "en"}
        await add_job(database, StoredJob(f"e{number}", "export", "", ordered, "li", time(), 0))
    await walk.do("POST", f"{API}/exports/{{}}/cancel", "e0")
    await walk.do("POST", "/console/exports/{}/remove", "e1")
    await walk.do("POST", "/console/exports", data=asked)
    await walk.do("POST", f"{API}/people/{{}}/{{}}/forget", "wecom", "lisi")
    await walk.do("POST", "/console/people/{}/{}/forget", "wecom", "lisi", data={"user": "lisi"})


def _of(action: Action, *changes: str) -> dict[Change, Action]:
    changed = (change.partition(" ") for change in changes)
    return dict.fromkeys(((method, path) for method, _, path in changed), action)


EXPECTED: dict[Change, Action] = {
    **_of("user_add", "POST /api/v1/users", "POST /console/users"),
    **_of("user_role", "PATCH /api/v1/users/{}", "POST /console/users/{}/role"),
    **_of("user_password", "POST /console/users/{}/password"),
    **_of("user_sign_out", "POST /api/v1/users/{}/sign-out", "POST /console/users/{}/sign-out"),
    **_of("user_remove", "DELETE /api/v1/users/{}", "POST /console/users/{}/remove"),
    **_of("token_create", "POST /api/v1/tokens", "POST /console/tokens"),
    **_of("token_revoke", "DELETE /api/v1/tokens/{}", "POST /console/tokens/{}/revoke"),
    **_of("sign_in", "POST /console/sign-in"),
    **_of("sign_out", "POST /console/sign-out"),
    **_of("chain_draft", "PUT /api/v1/chains/{}/draft", "DELETE /api/v1/chains/{}/draft"),
    **_of("chain_draft", "POST /api/v1/chains/{}/rename", "POST /console/chains", "POST /console/chains/{}"),
    **_of("chain_draft", "POST /console/chains/{}/rename", "POST /console/chains/{}/discard", "POST /console/cases"),
    **_of("chain_release", "POST /api/v1/chains/{}/publish", "POST /api/v1/chains/{}/rollback"),
    **_of("chain_release", "DELETE /api/v1/chains/{}/trial", "DELETE /api/v1/chains/{}"),
    **_of("chain_release", "POST /console/chains/{}/release", "POST /console/chains/{}/rollback"),
    **_of("chain_release", "POST /console/chains/{}/end", "POST /console/chains/{}/delete"),
    **_of("chain_test", "POST /api/v1/chains/{}/test"),
    **_of("chain_replay", "POST /api/v1/chains/{}/replay", "POST /console/chains/{}/replay"),
    **_of("chain_replay", "DELETE /api/v1/chains/{}/jobs/{}", "POST /api/v1/chains/{}/jobs/{}/cancel"),
    **_of("chain_replay", "POST /console/chains/{}/replay/{}/stop"),
    **_of("replay_judge", "PUT /api/v1/chains/{}/jobs/{}/judgements/{}", "POST /console/chains/{}/replay/{}/judge"),
    **_of("model_edit", "PUT /api/v1/models/{}", "POST /console/models/new", "POST /console/models/{}/edit"),
    **_of("model_remove", "DELETE /api/v1/models/{}", "POST /console/models/{}/remove"),
    **_of("retry", "POST /api/v1/turns/retry", "POST /console/turns/retry"),
    **_of("export", "POST /api/v1/exports", "DELETE /api/v1/exports/{}", "POST /api/v1/exports/{}/cancel"),
    **_of("export", "POST /console/exports", "POST /console/exports/{}/remove"),
    **_of("forget", "POST /api/v1/people/{}/{}/forget", "POST /console/people/{}/{}/forget"),
}
