"""Exports of the service: exactly what a filter lists, gone on with at a start, removed when somebody is forgotten."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exports.kept_jobs import ExportKeeper, KeptExport, TooManyExports
from pipeline.events import Person
from pipeline.exports import Format
from storage.conversations.audit import deeds
from storage.conversations.deletion import forget
from storage.database.engine import Database
from storage.media.files import MediaFolder
from storage.search.exchange_filter import ExchangeFilter
from tests.exports.conversing import converse
from tests.storage.search.saying import NOON, say

BOB = Person("wecom", "bob")


@pytest.fixture
async def keeper(database: Database, tmp_path: Path) -> AsyncIterator[ExportKeeper]:
    opened = keeper_of(database, tmp_path)
    await opened.start()
    yield opened
    await opened.close()


def keeper_of(database: Database, folder: Path) -> ExportKeeper:
    return ExportKeeper(database, MediaFolder(folder / "media"), folder / "exports", engine=lambda: "auto")


async def begin(keeper: ExportKeeper, wanted: ExchangeFilter, *, masked: bool, made_as: Format = "jsonl") -> KeptExport:
    order: dict[str, object] = {"given": {}, "format": made_as, "masked": masked, "language": "zh", "by": "ann"}
    return await keeper.begin(wanted, **order)  # type: ignore[arg-type] # each is what its name says


def texts(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        lines = opened.read("transcripts.jsonl").decode().splitlines()
    return [json.loads(line)["text"] for line in lines]


async def finished(keeper: ExportKeeper, id_: str) -> Path:
    await keeper.finished(id_)
    path = await keeper.file(id_)
    assert path is not None
    return path


async def test_exactly_what_is_filtered_is_exported_and_masked(
    database: Database, keeper: ExportKeeper, tmp_path: Path
) -> None:
    await say(database, "我的电话是 13800138000，支付失败", "知道了")
    await say(database, "无关", "支付", person=BOB)
    await say(database, "失败的支付", "别人", person=BOB)
    # In one conversation what is not found is left out.
    await converse(database, "carl", [("支付一", "一"), ("别的", "二")], at=NOON)

    both = await begin(keeper, ExchangeFilter(words="支付 失败"), masked=True)
    found = await asyncio.to_thread(texts, await finished(keeper, both.id))

    assert ["知道了", "失败的支付", "别人"] == found[1:]
    assert "13800138000" not in found[0]
    whole = await begin(keeper, ExchangeFilter(words="13800138000"), masked=False)
    assert "我的电话是 13800138000，支付失败" in await asyncio.to_thread(texts, await finished(keeper, whole.id))
    ended = keeper.find(both.id)
    assert ended is not None
    assert ("done", 2, 2, 4) == (ended.state, ended.done, ended.total, ended.messages)
    assert ["ann", "ann"] == [each.who for each in await deeds(database, action="export")]

    # Another start knows them, and one that was broken off is gone on with.
    order = tmp_path / "exports" / both.id / "order.json"
    broken_off = json.loads(await asyncio.to_thread(order.read_text)) | {"state": "running"}
    await asyncio.to_thread(order.write_text, json.dumps(broken_off))
    await asyncio.to_thread((order.parent / "conversations.zip").unlink)
    again = keeper_of(database, tmp_path)
    await again.start()
    assert found == await asyncio.to_thread(texts, await finished(again, both.id))
    assert {both.id, whole.id} == {each.id for each in again.all()}

    # What is forgotten may be in any of them.
    await forget(database, BOB, who="t")
    assert await again.file(whole.id) is None
    assert [] == await asyncio.to_thread(lambda: [*(tmp_path / "exports").iterdir()])
    await again.close()


async def test_documents_come_one_a_conversation_and_only_so_many_are_kept(
    database: Database, keeper: ExportKeeper
) -> None:
    await say(database, "问", "答")
    for number in range(20):
        made = await begin(keeper, ExchangeFilter(user="ann"), masked=True, made_as="md" if number == 0 else "csv")
        if number == 0:
            path = await finished(keeper, made.id)
            with zipfile.ZipFile(path) as opened:
                assert any(name.startswith("wecom/") and name.endswith(".md") for name in opened.namelist())
    with pytest.raises(TooManyExports):
        await begin(keeper, ExchangeFilter(), masked=True)
    assert await keeper.remove(made.id)
    assert not await keeper.remove(made.id)
