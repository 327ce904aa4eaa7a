"""A schema of a newer webot: every verb says to use that one, and a process that runs goes on and says so."""

import ast
import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from storage.database.engine import Database, open_database
from storage.database.migrate import HEAD, is_newer, migrate
from storage.database.schema_watch import SchemaWatch
from tests.service import running_service, until
from tests.web.shell import webot

ADDITIVE = {"create_table", "create_index", "add_column", "execute", "get_bind", "drop_index"}
"""What a step may do without an older process, which runs beside it for a while, coming to harm."""

MORE = (
    *("turns", "turns show 1", "turns retry 1", "usage", "audit", "forget zhangsan --yes", "export --out new"),
    *("export --out -", "console user list", "token list", "token create x --role reader"),
    *("chains ratings default", "chains rollback default shipped"),
)


async def become_newer(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("ALTER TABLE inbox ADD COLUMN later INTEGER NOT NULL DEFAULT 7"))


@pytest.mark.parametrize(("found", "newer"), [("", ""), ("0001", ""), (HEAD, ""), ("9999", "newer"), ("x", "newer")])
def test_a_schema_is_newer_when_this_version_does_not_know_it(found: str, newer: str) -> None:
    assert newer == ("newer" if is_newer(found) else "")


async def test_every_verb_says_to_use_the_newer_version(database_url: str, tmp_path: Path) -> None:
    database = await asyncio.to_thread(open_database, database_url)
    await migrate(database)
    await become_newer(database)
    await database.close()
    environ = {"WEBOT_STORAGE__DATABASE_URL": database_url, "WEBOT_SERVER__PORT": "0"}
    # Each is a process; one database is enough for most.
    verbs = ("serve", "migrate", *(MORE if database_url.startswith("sqlite") else ()))
    ran = {verb: await webot(*verb.split(), folder=tmp_path, environ=environ) for verb in verbs}
    doctor = await webot("doctor", folder=tmp_path, environ=environ | {"WEBOT_CHAT__LANGUAGE": "en"})

    wanted = f"webot: 数据库的结构是 9999，这个版本的 webot（{HEAD}）不认识；请启动创建它的新版本\n"
    assert dict.fromkeys(verbs, (1, wanted)) == {verb: (one.code, one.err) for verb, one in ran.items()}
    assert f"has schema 9999, made by a newer webot; this one expects {HEAD}" in doctor.out
    assert "webot migrate" not in doctor.out


async def test_a_process_that_runs_goes_on_and_says_so(tmp_path: Path, postgres_url: str) -> None:
    async with running_service(tmp_path, {"WEBOT_STORAGE__DATABASE_URL": postgres_url}) as service:
        await become_newer(service.service.database)
        with capture_logs() as logged:
            await service.service.schema.look()
            await service.service.schema.look()
        ready = await service.http.get("/readyz")
        phone = service.phone()
        await phone.say("你好")
        texts = await phone.texts(count=1, within=30)

    assert [{"event": "schema_newer", "found": "9999", "expected": HEAD, "log_level": "error"}] == logged
    assert (200, "the database has the schema of a newer webot") == (ready.status_code, ready.json()["schema"])
    assert 1 == len(texts)


async def test_the_watch_looks_by_itself(postgres_url: str) -> None:
    database = await asyncio.to_thread(open_database, postgres_url)
    await migrate(database)
    await become_newer(database)
    watch = SchemaWatch(database, seconds=0.01)
    watch.start()
    await until(lambda: watch.newer)
    await watch.close()
    await database.close()

    assert "9999" == watch.newer


@pytest.mark.parametrize("step", sorted(Path("storage/migrations/versions").glob("00[1-9]*.py")), ids=lambda p: p.stem)
def test_a_step_leaves_an_older_process_working(step: Path) -> None:
    """Steps up to 0009 were before this rule."""
    upgrade = next(
        node
        for node in ast.parse(step.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
    )
    calls = [node for node in ast.walk(upgrade) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    done = {call.func.attr for call in calls if ast.unparse(call.func).startswith("op.")}  # type: ignore[attr-defined]
    columns = [call for call in calls if ast.unparse(call.func) == "op.add_column"]

    assert done <= ADDITIVE
    assert all("server_default" in ast.unparse(call) or "nullable=True" in ast.unparse(call) for call in columns)
