"""That an answer is not whole stands beside it in every format, and training data leave it out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from exports.records import Transcript
from exports.workers.documents import pieces
from exports.writers.csv import head
from exports.writers.csv import lines as csv_lines
from exports.writers.image_files import ImageFolder
from exports.writers.jsonl import lines as json_lines
from exports.writers.training import finetune as finetune_lines
from exports.writers.training import sharegpt as sharegpt_lines
from pipeline.answer import CUTS, Cut
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Catalogue
from tests.exports.binding import bound
from tests.exports.samples import message, talk

ZH = Catalogue("zh")
SAID = {
    "length": "回答因长度限制在此中断",
    "filtered": "回答被内容安全机制中断",
    "interrupted": "回答因模型服务故障中断",
}


def transcript(cut: Cut = "length") -> Transcript:
    whole = (message(1, "human", "一"), message(1, "ai", "完整的回答。"))
    return Transcript(talk(), (*whole, message(2, "human", "二"), replace(message(2, "ai", "说了一半"), cut=cut)))


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("format_", ["html", "md", "txt"])
def test_documents_say_why_an_answer_is_not_whole(format_: str, cut: Cut) -> None:
    text = "".join(pieces([transcript(cut)], ZH, ImageFolder(Path()), format_))  # type: ignore[arg-type]

    assert 1 == text.count(SAID[cut])
    assert text.index("完整的回答") < text.index(SAID[cut])


@pytest.mark.parametrize("engine", ["markdown-pdf", "typst"])
def test_pages_say_why_an_answer_is_not_whole(tmp_path: Path, engine: PdfEngine) -> None:
    with bound(tmp_path, transcript(), engine=engine) as pages:
        text = "".join(page.get_text() for page in pages)

    assert SAID["length"] in "".join(text.split())


def test_records_have_it_in_a_field_of_its_own() -> None:
    rows = [json.loads(line)["cut"] for line in json_lines(transcript())]
    place = head().split(",").index('"cut"')

    assert ["", "", "", "length"] == rows
    assert ['""', '""', '""', '"length"'] == [row.split(",")[place] for row in csv_lines(transcript())]


def test_training_data_leave_the_exchange_out() -> None:
    for lines in (finetune_lines, sharegpt_lines):
        (line,) = lines(transcript())

        assert "完整的回答" in line
        assert "二" not in line
        assert "说了一半" not in line
