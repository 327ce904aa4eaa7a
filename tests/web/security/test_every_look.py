"""Every route that is read: those that show what somebody said are in the audit, one row a look, under who looked."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from time import time

import httpx2
from litestar.routes import HTTPRoute

from pipeline.answer import Provenance
from pipeline.events import Person
from storage.accounts.users import add_user
from storage.conversations.audit import AuditRow, deeds
from storage.conversations.audit_actions import Action
from storage.database.tables import audit
from storage.jobs.job_store import StoredJob, add_job
from storage.search.exchange_filter import ExchangeFilter
from storage.terms.index_builder import IndexBuilder
from tests.exports.conversing import converse
from tests.service import RunningService, running_service
from tests.storage.search.saying import NOON, rate, say
from tests.web.console.test_pages import png
from web.api.routes import api_routes
from web.console.routes import console_routes
from web.security.account_lookup import COOKIE
from web.security.guard import ConsoleGuard
from web.security.role_names import Role

BY = Provenance("default", "r1", "qwen-max", input_tokens=3, output_tokens=4)

LOOKS: dict[str, tuple[str, Action]] = {
    "/api/v1/chains/{}/jobs/{}/events": ("/api/v1/chains/default/jobs/others/events", "chain_replay"),
    "/api/v1/chains/{}/ratings": ("/api/v1/chains/default/ratings", "list"),
    "/api/v1/conversations": ("/api/v1/conversations", "list"),
    "/api/v1/conversations/{}": ("/api/v1/conversations/{talk}", "read"),
    "/api/v1/exports/{}/file": ("/api/v1/exports/{export}/file", "export"),
    "/console/chains/{}/replay/{}": ("/console/chains/default/replay/others", "chain_replay"),
    "/console/chains/{}/replay/{}/csv": ("/console/chains/default/replay/others/csv", "chain_replay"),
    "/console/conversations": ("/console/conversations", "list"),
    "/console/conversations/{}": ("/console/conversations/{talk}", "read"),
    "/console/conversations/{}/case/{}": ("/console/conversations/{talk}/case/1", "read"),
    "/console/conversations/{}/media/{}/{}": ("/console/conversations/{talk}/media/1/{picture}", "read"),
    "/console/conversations/{}/trace/{}": ("/console/conversations/{talk}/trace/1", "read"),
    "/console/turns/{}": ("/console/turns/1?words=1", "read"),
}
"""What shows words, with an address of it and what the audit calls a look."""

SIMULATOR = "shows what is said on a pretended phone, to nobody's account"
NO_WORDS = "shows numbers, names and settings"
SHOWS_NO_WORDS: dict[str, str] = {
    "/console": SIMULATOR,
    "/console/api/faults": SIMULATOR,
    "/console/api/follow": SIMULATOR,
    "/console/api/settled": SIMULATOR,
    "/console/api/status": SIMULATOR,
    "/console/faults": SIMULATOR,
    "/console/inspect": SIMULATOR,
    "/console/media/{}": SIMULATOR,
    "/console/stream": SIMULATOR,
    "/api/v1/chains/{}/jobs": "shows how far jobs are, and sums",
    "/api/v1/chains/{}/jobs/{}": "shows how far a job is, and sums",
    "/api/v1/chains/{}/jobs/{}/judgements": "shows judgements by the numbers of the answers",
    "/api/v1/exports": "shows filters and counts",
    "/api/v1/exports/{}": "shows a filter and counts",
    "/api/v1/exports/{}/events": "shows how far an export is",
    "/console/chains/{}/replay": "lists replays by when and whose",
    "/console/exports": "shows filters and counts",
    "/console/people/{}/{}/forget": "asks whether a person is meant",
    "/console/static/{}": "is a file of the pages",
    **dict.fromkeys(
        (
            "/api/v1/audit",
            "/api/v1/chains",
            "/api/v1/chains/{}",
            "/api/v1/chains/{}/diff",
            "/api/v1/chains/{}/draft",
            "/api/v1/chains/{}/history",
            "/api/v1/docs",
            "/api/v1/doctor",
            "/api/v1/models",
            "/api/v1/models/{}",
            "/api/v1/openapi.json",
            "/api/v1/status",
            "/api/v1/tokens",
            "/api/v1/turns",
            "/api/v1/usage",
            "/api/v1/users",
            "/console/audit",
            "/console/chains",
            "/console/chains/{}",
            "/console/chains/{}/history",
            "/console/doctor",
            "/console/menu",
            "/console/models",
            "/console/models/new",
            "/console/models/{}/edit",
            "/console/settings",
            "/console/sign-in",
            "/console/status",
            "/console/turns",
            "/console/turns/list",
            "/console/usage",
            "/console/usage/csv",
            "/console/usage/quality",
            "/console/users",
        ),
        NO_WORDS,
    ),
}


def read_routes(running: RunningService) -> set[str]:
    """Give every route that is asked by GET."""
    service = running.service
    guard = ConsoleGuard(lambda: service.settings, service.access, service.accounts)
    return {
        re.sub(r"\{\w+:\w+\}", "{}", route.path)
        for router in (*api_routes(service, guard), *console_routes(service, guard))
        for route in router.routes
        if isinstance(route, HTTPRoute) and "GET" in route.methods
    }


async def ask(running: RunningService, address: str, **sent: str) -> httpx2.Response:
    """Ask as a user who is signed in."""
    secret = await running.service.accounts.begin("ann", Role.OPERATOR)
    answer = await running.console.get(address, headers={"Cookie": f"{COOKIE}={secret}"} | sent)
    assert answer.is_success, f"{address}: {answer.text}"
    return answer


def replay(id_: str, *, by: str) -> StoredJob:
    """Return a replay of the default chain that runs, begun by somebody."""
    ordered = {"live": "", "draft": "", "revisions": ["a", "b"], "wish": {}}
    return StoredJob(id_, "chain_replay", "default", ordered, by, time(), 0)


@asynccontextmanager
async def with_words(folder: Path) -> AsyncIterator[tuple[RunningService, dict[str, str]]]:
    """Serve with something said, rated, replayed and exported; give what stands in addresses of it."""
    async with running_service(folder, {"WEBOT_REPLAY__USERS": '["*"]'}) as running:
        service = running.service
        assert await add_user(service.database, "ann", Role.OPERATOR, "no hash")
        await running.phone("lisi").say("多少天年假？")
        await running.phone("lisi").texts(count=1)
        await say(service.database, "年假怎么算？", "五天。", person=Person("wecom", "wangwu"), by=BY, at=NOON)
        await rate(service.database, good=False, person=Person("wecom", "wangwu"))
        picture = await service.media.keep(png(30, 20), mime="image/png", name="a.png")
        await converse(service.database, "zhang", [("这是什么图", "一张图")], at=NOON, pictures=(picture,))
        await IndexBuilder(service.database, pause=lambda _: 0.0).build()
        await add_job(service.database, replay("others", by="li"))
        assert await service.jobs.cancel("others")
        listed = (await ask(running, "/api/v1/conversations?user=zhang")).json()["items"]
        export = await service.exports.begin(
            ExchangeFilter(), given={}, format="jsonl", masked=True, language="en", by="console:li"
        )
        await service.jobs.finished(export.id)
        yield running, {"talk": str(listed[0]["conversation"]), "picture": picture.sha256, "export": export.id}


async def test_every_route_is_known_to_show_words_or_not_and_each_look_is_one_row_of_who_looked(
    tmp_path: Path,
) -> None:
    noted: dict[str, list[AuditRow]] = {}
    async with with_words(tmp_path) as (running, given):
        known = read_routes(running)
        for route, (address, _) in LOOKS.items():
            before = {deed.id for deed in await deeds(running.service.database)}
            await ask(running, address.format(**given))
            noted[route] = [deed for deed in await deeds(running.service.database) if deed.id not in before]

    assert known == LOOKS.keys() | SHOWS_NO_WORDS.keys()
    assert {route: [("console:ann", action)] for route, (_, action) in LOOKS.items()} == {
        route: [(deed.who, deed.action) for deed in found] for route, found in noted.items()
    }
    assert all(deed.details or deed.action == "list" for found in noted.values() for deed in found)


async def test_who_began_a_replay_is_in_the_audit_for_it_once_however_often_the_page_shows_itself_anew(
    tmp_path: Path,
) -> None:
    async with with_words(tmp_path) as (running, _):
        database = running.service.database
        await add_job(database, replay("own", by="console:ann"))
        before = len(await deeds(database))
        for _ in range(3):
            await ask(running, "/console/chains/default/replay/own")
        after = len(await deeds(database))

    assert before == after


async def test_who_watches_anothers_replay_run_is_in_the_audit_once_an_hour_and_once_for_what_came_of_it(
    tmp_path: Path,
) -> None:
    async with with_words(tmp_path) as (running, _):
        database = running.service.database
        await add_job(database, replay("run", by="li"))
        counts = [len(await deeds(database))]

        async def watch(*, times: int) -> None:
            for _ in range(times):
                await ask(running, "/console/chains/default/replay/run")
            counts.append(len(await deeds(database)))

        await watch(times=3)
        async with database.write() as connection:
            await connection.execute(audit.update().values(at=audit.c.at - 3601))
        await watch(times=2)
        assert await running.service.jobs.cancel("run")
        await watch(times=1)
        latest = (await deeds(database))[0]

    assert [1, 1, 1] == [after - before for before, after in pairwise(counts)]
    assert ("console:ann", "chain_replay", "run") == (latest.who, latest.action, latest.details["read"])
