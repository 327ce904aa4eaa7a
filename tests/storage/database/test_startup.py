"""A start waits for PostgreSQL for a bounded time, and not for what no waiting mends."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from storage.database.access import DatabaseUnusable
from storage.database.startup import wait_for_database
from tests.web.shell import start, webot


async def wait(url: str, seconds: float = 30.0) -> list[str]:
    announced: list[str] = []
    await wait_for_database(url, seconds=seconds, announce=announced.append)
    return announced


async def test_a_database_that_is_there_is_not_waited_for(postgres_url: str) -> None:
    assert [] == await wait(postgres_url)


async def test_sqlite_is_not_waited_for(tmp_path: Path) -> None:
    assert [] == await wait(f"sqlite:///{tmp_path}/no/such/webot.db")


async def test_a_server_that_comes_later_is_waited_for_and_told_of_once(
    tmp_path: Path, postgres_server: str, postgres_url: str
) -> None:
    name, folder = urlsplit(postgres_url).path[1:], tmp_path / "later"
    announced: asyncio.Queue[str] = asyncio.Queue()
    url = f"postgresql://postgres:s3cret@/{name}?host={folder}"
    waiting = asyncio.create_task(wait_for_database(url, seconds=30, announce=announced.put_nowait))
    line = await announced.get()
    await asyncio.to_thread(folder.symlink_to, postgres_server)
    await waiting

    assert line.startswith(f"webot waits up to 30 s for the database at {folder}/{name}: the system says: no such file")
    assert announced.empty()


async def test_the_wait_is_bounded() -> None:
    with pytest.raises(DatabaseUnusable, match=r"the connection was refused; waited 0\.1 s"):
        await wait("postgresql://me@127.0.0.1:9/webot", 0.1)


async def test_a_database_that_does_not_exist_is_not_waited_for(postgres_server: str) -> None:
    with pytest.raises(DatabaseUnusable, match=r'it is not on the server;.* \(database "nosuch" does not exist\)$'):
        await wait(f"postgresql://postgres@/nosuch?host={postgres_server}")


async def test_a_role_that_may_not_log_in_is_not_waited_for(postgres_server: str, postgres_url: str) -> None:
    name = urlsplit(postgres_url).path[1:]
    server = await asyncpg.connect(host=postgres_server, user="postgres", database="postgres")
    await server.execute(f"CREATE ROLE {name} NOLOGIN")
    await server.close()

    with pytest.raises(DatabaseUnusable, match="is not permitted to log in"):
        await wait(f"postgresql://{name}@/{name}?host={postgres_server}")


@pytest.mark.usefixtures("no_schema")
async def test_a_role_that_may_make_no_tables_is_told_so_in_a_line(
    tmp_path: Path, postgres_server: str, postgres_url: str
) -> None:
    name = urlsplit(postgres_url).path[1:]
    server = await asyncpg.connect(host=postgres_server, user="postgres", database="postgres")
    await server.execute(f"CREATE ROLE {name} LOGIN")
    await server.close()
    url = f"postgresql://{name}@/{name}?host={postgres_server}"
    ran = await webot("migrate", folder=tmp_path, environ={"WEBOT_STORAGE__DATABASE_URL": url})

    wanted = "webot: 数据库无法使用：这个用户没有权限；请让管理员授权（permission denied for schema public）\n"
    assert (1, wanted) == (ran.code, ran.err)


async def test_a_start_that_waits_says_so_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    environ = {"WEBOT_STORAGE__DATABASE_URL": "postgresql://me:s3cret@127.0.0.1:9/webot", "WEBOT_SERVER__PORT": "0"}
    running = await start("serve", folder=tmp_path, environ=environ)
    assert running.stderr is not None
    wanted = "webot 正在等待 127.0.0.1:9/webot 的数据库，最多 60 秒：连接被拒绝"
    lines = [line.decode() async for line in _until(running.stderr, wanted)]
    running.send_signal(signal.SIGTERM)
    _, rest = await running.communicate()

    assert 0 == running.returncode
    assert "s3cret" not in "".join(lines) + rest.decode()


async def test_a_start_without_its_database_ends_with_one_line(tmp_path: Path, postgres_server: str) -> None:
    url = f"postgresql://postgres@/nosuch?host={postgres_server}"
    environ = {"WEBOT_STORAGE__DATABASE_URL": url, "WEBOT_SERVER__PORT": "0"}
    ran = await webot("serve", folder=tmp_path, environ=environ)

    wanted = "服务器上没有这个数据库；请创建，或改正 [storage] database_url 里的库名"
    assert (1, f'webot: 数据库无法使用：{wanted}（database "nosuch" does not exist）\n') == (ran.code, ran.err)


async def _until(stream: asyncio.StreamReader, beginning: str) -> AsyncIterator[bytes]:
    async for line in stream:
        yield line
        if line.decode().startswith(beginning):
            return
