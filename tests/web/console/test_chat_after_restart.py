"""The console's chat shows after a restart of the service what it showed before."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx2

from adapters.simulator.phone import Phone
from adapters.simulator.platform.timeline import Entry
from pipeline.events import Text
from tests.service import RunningService, running_service, until

BOTH = {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot"}


async def test_both_sides_files_groups_and_details_are_there_after_a_restart(tmp_path: Path) -> None:
    async with running_service(tmp_path, BOTH) as service:
        phone, group = service.phone("lisi", agent_id=_app(service, "wecom")), _group(service)
        await phone.say("你好，**世界** 🎉")
        await phone.texts(count=1)
        await _settled(service, channel="wecom", user="lisi")
        await phone.say("@export md")
        await until(lambda: any(entry.kind == "delivered" and entry.media for entry in phone.entries()))
        await group.say("@webot 大家好")
        await group.texts(count=1)
        await _settled(service, channel="bot", user="zhangsan", group="项目组")
        before = [_shown(entry) for entry in phone.entries()], [_shown(entry) for entry in group.entries()]

    async with running_service(tmp_path, BOTH) as service:
        phone, group = service.phone("lisi", agent_id=_app(service, "wecom")), _group(service)
        after = [_shown(entry) for entry in phone.entries(0)], [_shown(entry) for entry in group.entries(0)]
        page = await _stream(service.console, {"channel": "wecom", "user": "lisi"}, "你好")
        answer = next(entry for entry in phone.entries(0) if entry.kind == "delivered")
        details = await service.console.get(f"/console/inspect?channel=wecom&user=lisi&entry={answer.number}")
        file = next(entry.media for entry in phone.entries(0) if entry.kind == "delivered" and entry.media)
        content = await service.console.get(f"/console/media/{file.media_id}?channel=wecom")
        already = phone.entries()
        await phone.say("继续")
        (text,) = await phone.texts(count=1)

    assert before == after
    assert "演示模型" in page
    assert 200 == details.status_code
    assert "你好" in details.text
    assert "你好" in content.text
    assert [] == already
    assert "继续" in text


async def _settled(service: RunningService, **room: str) -> None:
    """Wait until what was sent is noted as sent."""
    answer = await service.console.get("/console/api/settled", params=room)
    assert answer.json()["settled"]


def _group(service: RunningService) -> Phone:
    return service.simulator.phone("zhangsan", agent_id=_app(service, "bot"), group="项目组")


async def _stream(http: httpx2.AsyncClient, room: Mapping[str, str], wanted: str) -> str:
    """Return the stream of the page's entries as far as the one that holds some words."""
    read = ""
    async with asyncio.timeout(30), http.stream("GET", "/console/stream", params=room) as stream:
        async for line in stream.aiter_lines():
            read += line
            if wanted in line and "theirs" in read:
                break
    return read


def _app(service: RunningService, channel: str) -> int:
    simulated = service.service.channels[channel].simulated
    assert simulated is not None
    return simulated.agent_id


def _shown(entry: Entry) -> tuple[str, str, str, str]:
    match entry.kind:
        case "said":
            content = entry.content.text if isinstance(entry.content, Text) else entry.content.kind
            return "said", entry.user, content.removeprefix("@webot "), entry.group
        case "delivered":
            return entry.type, entry.user.casefold(), entry.text, entry.media.name if entry.media else ""
