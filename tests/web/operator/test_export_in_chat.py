"""`@export` through the whole service: asked for on a phone, delivered to it."""

import io
import json
import re
import time
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pymupdf
import pytest

from adapters.simulator.phone import Phone
from adapters.simulator.platform.timeline import Delivered
from pipeline.text.i18n import Catalogue
from tests.service import RunningService, running_service

ZH = Catalogue("zh")


@dataclass
class ExportPhone:
    """A phone whose two conversations can be asked for."""

    service: RunningService
    phone: Phone
    came: list[Delivered] = field(default_factory=list)

    async def next(self, count: int) -> list[Delivered]:
        found = (await self.phone.messages(count=len(self.came) + count, within=30))[len(self.came) :]
        self.came += found
        return list(found)

    async def export(self, line: str) -> tuple[str, str, bytes]:
        """Give what is said, and the file's name and bytes."""
        await self.phone.say(line)
        said, file = await self.next(2)
        assert "file" == file.type
        assert file.media is not None
        return said.text, file.media.name, self.service.simulator.media(file.media.media_id).data


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[ExportPhone]:
    async with running_service(tmp_path) as service:
        workspace = ExportPhone(service, service.phone())
        for line in ("你好，请介绍一下自己", "@clear", "第二段：今天星期几？"):
            await workspace.phone.say(line)
            await workspace.next(1)
        yield workspace


def text_of(data: bytes) -> str:
    with pymupdf.open(stream=data) as pages:
        return "".join(page.get_text() for page in pages)


async def test_a_conversation_arrives_as_a_pdf_to_keep(workspace: ExportPhone) -> None:
    said, name, data = await workspace.export("@export")
    text = text_of(data)

    assert "对话已导出，共 2 条消息。" == said
    assert name.startswith("第二段：今天星期几？ ")
    assert name.endswith(".pdf")
    assert "第二段：今天星期几？" in text
    assert "zhangsan" in text
    assert "介绍一下自己" not in text


@pytest.mark.parametrize("line", ["@export last", "@export 1", "@导出 上一次", "@export 第1次"])
async def test_an_earlier_conversation_is_had_by_its_place_or_number(workspace: ExportPhone, line: str) -> None:
    said, name, data = await workspace.export(line)

    assert "对话已导出，共 2 条消息。" == said
    assert name.startswith("你好，请介绍一下自己 ")
    assert "第二段" not in text_of(data)


@pytest.mark.parametrize("what", ["all", time.strftime("%Y-%m"), "全部"])
async def test_everything_and_a_month_come_as_one_document_with_its_contents(workspace: ExportPhone, what: str) -> None:
    said, name, data = await workspace.export(f"@export {what}")
    with pymupdf.open(stream=data) as pages:
        contents = pages[0].get_text()
        marks = [title for _, title, _ in pages.get_toc()]
        leads = [link["page"] for link in pages[0].get_links()]

    assert "已导出 2 个对话，共 4 条消息。" == said
    assert name.startswith("对话记录 ")
    assert ["你好，请介绍一下自己", "第二段：今天星期几？"] == marks
    assert all(mark in contents for mark in marks)
    assert [1, 2] == leads


@pytest.mark.parametrize("word", ["md", "html", "网页", "txt", "jsonl", "csv", "表格"])
async def test_other_formats_are_had_by_name(workspace: ExportPhone, word: str) -> None:
    suffix = {"网页": "html", "表格": "csv"}.get(word, word)
    _, name, data = await workspace.export(f"@export {word} all")
    text = data.decode("utf-8-sig")

    assert name.endswith(f".{suffix}")
    assert "你好，请介绍一下自己" in text
    assert "第二段：今天星期几？" in text
    if suffix == "jsonl":
        assert ["human", "ai"] * 2 == [json.loads(line)["role"] for line in text.splitlines()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [("@export 9", "export.no_such"), ("@export 2019-03", "export.quiet_month"), ("@export 昨天", "export.unclear")],
)
async def test_what_is_not_there_is_said(workspace: ExportPhone, line: str, expected: str) -> None:
    await workspace.phone.say(line)
    (said,) = await workspace.next(1)

    assert ZH.text(expected, word="昨天").splitlines()[0] == said.sent.splitlines()[0]


async def test_before_anything_is_said_there_is_nothing(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        phone = service.phone("lisi")
        await phone.say("@export")
        (said,) = await phone.messages(count=1)

    assert ZH.text("export.nothing") == said.sent


async def test_what_is_too_large_for_one_message_comes_in_volumes(tmp_path: Path) -> None:
    questions = ["".join(chr(0x4E00 + (n * 997 + place * 31) % 20000) for place in range(300)) for n in range(8)]
    async with running_service(tmp_path, {"WEBOT_EXPORT__VOLUME_MB": "0.004"}) as service:
        workspace = ExportPhone(service, service.phone())
        for question in questions:
            await workspace.phone.say(question)
            await workspace.next(1)
        await workspace.phone.say("@export txt")
        (said,) = await workspace.next(1)
        (file_count,) = re.findall(r"分为 (\d+) 个文件", said.text)
        text = ""
        for file in await workspace.next(int(file_count)):
            assert file.media is not None
            with zipfile.ZipFile(io.BytesIO(service.simulator.media(file.media.media_id).data)) as archive:
                text += "".join(archive.read(name).decode() for name in archive.namelist())

    assert int(file_count) > 1
    assert all(question in text for question in questions)
