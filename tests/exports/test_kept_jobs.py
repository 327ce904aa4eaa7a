"""Exports of the service: exactly what a filter lists, gone on with at a start, removed when somebody is forgotten."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import update

from exports.kept_jobs import BackgroundExports, KeptExport
from pipeline.events import Person
from pipeline.exports import Format
from storage.conversations.audit import deeds
from storage.conversations.deletion import forget
from storage.database.console_tables import jobs as jobs_table
from storage.database.engine import Database
from storage.jobs.job_runner import JobRunner, TooManyJobs
from storage.media.files import MediaFolder
from storage.search.exchange_filter import ExchangeFilter
from tests.exports.conversing import converse
from tests.storage.search.saying import NOON, say

BOB = Person("wecom", "bob")


@dataclass(frozen=True)
class Keeping:
    """The exports of a service with the jobs they run as."""

    exports: BackgroundExports
    jobs: JobRunner

    async def begin(self, wanted: ExchangeFilter, *, masked: bool, made_as: Format = "jsonl") -> KeptExport:
        return await self.exports.begin(wanted, given={}, format=made_as, masked=masked, language="zh", by="ann")

    async def finished(self, id_: str) -> Path:
        await self.jobs.finished(id_)
        export = await self.exports.find(id_)
        assert export is not None
        path = await self.exports.file(export)
        assert path is not None, export
        return path


@asynccontextmanager
async def keeping(database: Database, folder: Path) -> AsyncIterator[Keeping]:
    jobs = JobRunner(database)
    media = MediaFolder(folder / "media")
    exports = BackgroundExports(database, media, folder / "exports", engine=lambda: "auto", jobs=jobs)
    await exports.start()
    await jobs.start()
    yield Keeping(exports, jobs)
    await jobs.close()


def texts(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        lines = opened.read("transcripts.jsonl").decode().splitlines()
    return [json.loads(line)["text"] for line in lines]


async def test_exactly_what_is_filtered_is_exported_and_masked(database: Database, tmp_path: Path) -> None:
    await say(database, "我的电话是 13800138000，支付失败", "知道了")
    await say(database, "无关", "支付", person=BOB)
    await say(database, "失败的支付", "别人", person=BOB)
    # In one conversation what is not found is left out.
    await converse(database, "carl", [("支付一", "一"), ("别的", "二")], at=NOON)

    async with keeping(database, tmp_path) as kept:
        both = await kept.begin(ExchangeFilter(words="支付 失败"), masked=True)
        archive = await kept.finished(both.id)
        found = await asyncio.to_thread(texts, archive)

        assert ["知道了", "失败的支付", "别人"] == found[1:]
        assert "13800138000" not in found[0]
        whole = await kept.begin(ExchangeFilter(words="13800138000"), masked=False)
        assert "我的电话是 13800138000，支付失败" in await asyncio.to_thread(texts, await kept.finished(whole.id))
        ended = await kept.exports.find(both.id)
        assert ended is not None
        assert ("done", 2, 2, 4) == (ended.state, ended.done, ended.total, ended.messages)
        assert ["ann", "ann"] == [each.who for each in await deeds(database, action="export")]

    # Another start knows them, and one that was broken off is gone on with.
    async with database.write() as connection:
        broken_off = {"state": "running", "owner": "a process that was killed", "lease_until": 1.0}
        await connection.execute(update(jobs_table).where(jobs_table.c.id == both.id).values(broken_off))
    await asyncio.to_thread(archive.unlink)
    # Of an earlier version, whose list of exports nobody reads any more.
    await asyncio.to_thread((tmp_path / "exports" / ("0" * 16)).mkdir)
    async with keeping(database, tmp_path) as again:
        assert found == await asyncio.to_thread(texts, await again.finished(both.id))
        assert {both.id, whole.id} == {each.id for each in await again.exports.all()}
        assert {both.id, whole.id} == await asyncio.to_thread(
            lambda: {each.name for each in (tmp_path / "exports").iterdir()}
        )

        # What is forgotten may be in any of them.
        await forget(database, BOB, who="t")
        assert await again.exports.find(whole.id) is None
        assert [] == await asyncio.to_thread(lambda: [*(tmp_path / "exports").iterdir()])


async def test_documents_come_one_a_conversation_and_only_so_many_are_kept(database: Database, tmp_path: Path) -> None:
    await say(database, "问", "答")
    async with keeping(database, tmp_path) as kept:
        for number in range(20):
            made_as: Format = "md" if number == 0 else "csv"
            made = await kept.begin(ExchangeFilter(user="ann"), masked=True, made_as=made_as)
            if number == 0:
                path = await kept.finished(made.id)
                with zipfile.ZipFile(path) as opened:
                    assert any(name.startswith("wecom/") and name.endswith(".md") for name in opened.namelist())
        with pytest.raises(TooManyJobs):
            await kept.begin(ExchangeFilter(), masked=True)
        assert await kept.exports.remove(made.id)
        assert not await kept.exports.remove(made.id)
