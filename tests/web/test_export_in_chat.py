"""`@export` through the whole service: asked for on a phone, delivered to it."""

from pathlib import Path

import pymupdf

from tests.house import open_house


async def test_a_conversation_arrives_as_a_pdf_to_keep(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        phone = house.phone()
        await phone.say("你好，请介绍一下自己")
        await phone.texts(count=1)
        await phone.say("@export")
        said, file = (await phone.messages(count=3, within=30))[1:]
        assert file.media is not None
        data = house.simulator.platform.shelf.find(file.corp_id, file.media.media_id).data

    assert "file" == file.type
    assert file.media.name.startswith("你好，请介绍一下自己 ")
    assert "对话已导出，共 2 条消息。" == said.text
    with pymupdf.open(stream=data) as pages:
        text = pages[0].get_text()
    assert "你好，请介绍一下自己" in text
    assert "zhangsan" in text
