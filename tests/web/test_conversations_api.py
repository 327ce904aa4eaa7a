"""Conversations for programs: listed in pages, read, deleted; what is wrong with a request is said."""

import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio

from pipeline.events import Person
from storage.conversations.audit import deeds
from tests.service import RunningService, running_service
from tests.storage.search.saying import NOON, say

API = "/api/v1/conversations"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        for number in range(5):
            await say(opened.service.database, f"第 {number} 个问题", "答案", at=NOON + number)
        await say(opened.service.database, "别人的问题", "答案", person=Person("wecom", "李四"), at=NOON)
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    """A service for requests that change nothing, started once for all of them."""
    async with running_service(tmp_path_factory.mktemp("shared")) as opened:
        yield opened


async def test_a_program_lists_reads_and_deletes(service: RunningService) -> None:
    found: list[str] = []
    cursor = ""
    while True:
        page = (await service.console.get(API, params={"words": "问题", "limit": "4", "cursor": cursor})).json()
        found += [each["question"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert ["别人的问题", *(f"第 {number} 个问题" for number in (4, 3, 2, 1, 0))] == found

    talk = (await service.console.get(API, params={"user": "李四"})).json()["items"][0]["conversation"]
    read = (await service.console.get(f"{API}/{talk}")).json()
    assert ["别人的问题", "答案"] == [each["text"] for each in read["transcript"]["messages"]]

    gone = await service.console.post("/api/v1/people/wecom/李四/forget")
    assert (200, {"conversations": 1, "messages": 2}) == (gone.status_code, gone.json())
    assert 404 == (await service.console.get(f"{API}/{talk}")).status_code
    assert ["forget", "read", "list"] == [each.action for each in await deeds(service.service.database)][:3]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("words=字", "too short"),
        ("limit=0", "limit"),
        ("limit=201", "200"),
        ("cursor=x", "cursor"),
        ("since=yesterday", "not a day"),
        ("failed=perhaps", "true or false"),
        ("person=ann", "no such parameter"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_wrong_is_said(shared: RunningService, query: str, said: str) -> None:
    answer = await shared.console.get(f"{API}?{query}", headers={"Accept-Language": "en"})

    assert (400, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert said in answer.json()["detail"]


async def test_a_program_exports_and_downloads_from_the_middle_on(service: RunningService) -> None:
    begun = await service.console.post(
        "/api/v1/exports", json={"format": "csv", "filter": {"words": "问题", "user": "李四"}}
    )
    assert 201 == begun.status_code
    address = f"/api/v1/exports/{begun.json()['id']}"
    await service.service.jobs.finished(begun.json()["id"])
    status = (await service.console.get(address)).json()
    assert ("done", 1, 1, 2, True) == tuple(status[name] for name in ("state", "done", "total", "messages", "masked"))

    whole = await service.console.get(f"{address}/file")
    rest = await service.console.get(f"{address}/file", headers={"Range": "bytes=10-"})
    assert (206, whole.content[10:]) == (rest.status_code, rest.content)
    assert 416 == (await service.console.get(f"{address}/file", headers={"Range": "bytes=99999999-"})).status_code
    with zipfile.ZipFile(BytesIO(whole.content)) as archive:
        assert "别人的问题" in archive.read("transcripts.csv").decode()
    page = (await service.console.get("/console/exports", headers={"Accept-Language": "zh"})).text
    assert "李四" in page
    assert 204 == (await service.console.delete(address)).status_code
    assert 404 == (await service.console.get(f"{address}/file")).status_code


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"format": "doc"}, "sharegpt"),
        ({"format": "csv", "filter": {"person": "x"}}, "no such filter"),
        ({"format": "csv", "filter": {"words": "字"}}, "too short"),
        ({"format": "csv", "all": True}, "all"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_export_that_cannot_be_is_refused(shared: RunningService, asked: object, said: str) -> None:
    answer = await shared.console.post("/api/v1/exports", json=asked, headers={"Accept-Language": "en"})

    assert 400 == answer.status_code
    assert said in answer.json()["detail"]
