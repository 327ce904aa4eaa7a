"""That a question was spoken stands beside it in every document, in the document's language, and in the records."""

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
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Catalogue, Language
from tests.exports.binding import bound
from tests.exports.samples import message, talk

SAID: dict[Language, str] = {"zh": "语音消息，由语音转成的文字", "en": "Voice message, written down"}
SPOKEN = replace(message(2, "human", "明天几点开会"), spoken=True)
TRANSCRIPT = Transcript(
    talk(), (message(1, "human", "打字的问题"), message(1, "ai", "第一个回答"), SPOKEN, message(2, "ai", "上午九点"))
)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("format_", ["html", "md", "txt"])
def test_documents_mark_a_spoken_question(format_: str, language: Language) -> None:
    text = "".join(pieces([TRANSCRIPT], Catalogue(language), ImageFolder(Path()), format_))  # type: ignore[arg-type]

    assert 1 == text.count(SAID[language])
    assert text.index("明天几点开会") < text.index(SAID[language]) < text.index("上午九点")


@pytest.mark.parametrize("engine", ["markdown-pdf", "typst"])
def test_pages_mark_a_spoken_question(tmp_path: Path, engine: PdfEngine) -> None:
    with bound(tmp_path, TRANSCRIPT, engine=engine) as pages:
        text = "".join("".join(page.get_text() for page in pages).split())

    assert 1 == text.count(SAID["zh"])
    assert text.index("明天几点开会") < text.index(SAID["zh"]) < text.index("上午九点")


def test_records_have_it_in_a_field_of_its_own() -> None:
    place = head().split(",").index('"spoken"')

    assert [False, False, True, False] == [json.loads(line)["spoken"] for line in json_lines(TRANSCRIPT)]
    assert ['"0"', '"0"', '"1"', '"0"'] == [row.split(",")[place] for row in csv_lines(TRANSCRIPT)]
