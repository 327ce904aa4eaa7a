"""The tools a model used stand beside its answer, in every format that tells how answers were made."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exports.masked_transcript import mask_transcript
from exports.records import Message, Transcript
from exports.select import Selection, stream
from exports.workers.documents import pieces
from exports.writers.csv import lines as csv_lines
from exports.writers.image_files import ImageFolder
from exports.writers.jsonl import lines as json_lines
from exports.writers.training import finetune as finetune_lines
from pipeline.answer import (
    Exchange,
    ExchangeRecorded,
    Provenance,
    ToolUse,
)
from pipeline.events import InboundEvent, Person, Text
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Catalogue
from pipeline.text.privacy import Masker
from pipeline.turn_state import Turn
from storage.database.engine import Database
from tests.exports.binding import bound
from tests.exports.samples import NOON, message, talk
from tests.storage.conversations.writing import write_changes

ZH = Catalogue("zh")
NOON_TIME = datetime.fromtimestamp(NOON, UTC)
USED = (
    ToolUse("current_time", '{"time_zone": "Asia/Tokyo"}', "done", 3),
    ToolUse("docs_search", '{"query": "`<b>13812345678</b>"}', "failed", 30_000),
)
ANSWER: Message = replace(message(1, "ai", "九点。"), tools=USED)
WHOLE = Transcript(talk(), (message(1, "human", "东京几点？"), ANSWER))


@pytest.mark.parametrize("format_", ["html", "md", "txt"])
def test_documents_name_the_tools_in_small_print(format_: str) -> None:
    text = "".join(pieces([WHOLE], ZH, ImageFolder(Path()), format_))  # type: ignore[arg-type]

    assert "工具：current_time" in text
    assert "失败，30000 毫秒" in text
    assert "<b>" not in text or format_ != "html"


@pytest.mark.parametrize("engine", ["markdown-pdf", "typst"])
def test_pages_name_the_tools_in_small_print(tmp_path: Path, engine: PdfEngine) -> None:
    with bound(tmp_path, WHOLE, engine=engine) as pages:
        text = "".join(page.get_text() for page in pages)

    assert "current_time" in text
    assert "30000" in text


def test_lines_of_json_have_them_as_a_list() -> None:
    asked, answered = [json.loads(line) for line in json_lines(WHOLE)]

    assert [] == asked["tools"]
    assert {
        "name": "current_time",
        "arguments": '{"time_zone": "Asia/Tokyo"}',
        "outcome": "done",
        "milliseconds": 3,
    } == (answered["tools"][0])


def test_tables_name_them_and_training_data_leave_them_out() -> None:
    *_, row = csv_lines(WHOLE)

    assert row.endswith(',"current_time docs_search","","","0","0"\r\n')
    assert "current_time" not in "".join(finetune_lines(WHOLE))


def test_what_a_model_wrote_to_a_tool_is_masked_too() -> None:
    masked = mask_transcript(WHOLE, Masker())

    assert "[PHONE]" in masked.messages[1].tools[1].arguments


async def test_they_come_back_from_the_database_as_they_were(database: Database) -> None:
    zhang = Person("wecom", "张三")
    made_by = Provenance("default", "0" * 12, "test-model", tools=USED)
    said = ExchangeRecorded(Exchange("东京几点？", "九点。"), made_by, None)
    turn = Turn(1, "lane", 0, InboundEvent("k", zhang, Text("?"), NOON_TIME), accepted_at=NOON)
    await write_changes(database, [(said, turn)], now=NOON)

    (whole,) = [each async for each in stream(database, Selection())]

    assert [(), USED] == [each.tools for each in whole.messages]
