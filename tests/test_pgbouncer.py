"""The whole service through a real PgBouncer, in each of its modes."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from storage.database.dsn import read_url
from storage.database.postgres import Connector
from storage.turns.notifications import can_listen
from tests.fakes.pgbouncer import pgbouncer
from tests.service import running_service, until
from tests.web.shell import webot


@pytest.fixture(params=["session", "transaction"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(mode: str, postgres_server: str, postgres_url: str) -> Iterator[str]:
    """A database behind a PgBouncer; in transaction mode with fewer connections than one process asks for."""
    size = 60 if mode == "session" else 3
    with pgbouncer(postgres_server, mode, size=size) as port:  # type: ignore[arg-type] # one of the two
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/{urlsplit(postgres_url).path[1:]}"


@pytest.mark.usefixtures("no_schema")
async def test_two_processes_start_on_an_empty_database_and_everybody_is_answered(
    mode: str, url: str, tmp_path: Path
) -> None:
    environ = {"WEBOT_STORAGE__DATABASE_URL": url}
    with capture_logs() as logged:
        async with AsyncExitStack() as first, AsyncExitStack() as second:
            opening = [stack.enter_async_context(running_service(tmp_path, environ)) for stack in (first, second)]
            houses = await asyncio.gather(*opening)
            ready = [(await service.http.get("/readyz")).status_code for service in houses]
            # Each has a WeCom of its own: what one would answer for the other goes to nobody.
            await second.aclose()
            phones = [houses[0].phone(f"user{n}") for n in range(40)]
            await asyncio.gather(*(phone.say("你好") for phone in phones))
            texts = await asyncio.gather(*(phone.texts(count=1, within=30) for phone in phones))
            if mode == "transaction":
                # Found out beside everything else, which has the pooler's few connections first.
                await until(lambda: any(line["event"] == "notifications_unavailable" for line in logged))
            ran = await webot("turns", "--json", folder=tmp_path, environ=environ)
    event_names = [line["event"] for line in logged]

    assert [200, 200] == ready
    assert 40 == sum(len(one) for one in texts)
    assert (0, "") == (ran.code, ran.err)
    assert (mode == "transaction") == ("notifications_unavailable" in event_names)
    assert not {"claim_failed", "write_waits", "lane_broke", "lease_not_renewed", "bell_broken"} & {*event_names}


async def test_whether_notifications_arrive_is_known(mode: str, url: str) -> None:
    connector = Connector(read_url(url))
    connection = await connector.connect()
    heard = await can_listen(connector, connection)
    await connection.close()

    assert connector.pooled
    assert (mode == "session") == heard


async def test_a_connection_without_a_pooler_is_known_as_one(postgres_url: str) -> None:
    connector = Connector(read_url(postgres_url))
    await (await connector.connect()).close()

    assert not connector.pooled
