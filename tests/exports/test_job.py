"""Batch exports: all that was chosen, once, the same bytes each time, and on from where they stopped."""

import hashlib
import io
import json
import shutil
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from exports.checkpoint import TargetNotEmpty
from exports.job import ExportJob, Exports
from exports.select import Selection, count, following, stream
from exports.workers.pool import RenderPool
from pipeline.exports import FORMATS, Format
from pipeline.text.privacy import Masker
from storage.conversations.deletion import find, forget
from storage.database.engine import Database
from storage.media.files import MediaFolder
from tests.databases import open_migrated_file
from tests.exports.conversing import converse
from tests.exports.samples import MIXED, NOON

DAY = 86400.0
EVERYTHING = Selection()


class Interrupted(Exception):
    """The process died here."""


def quiet(_: int) -> None:
    """Show no progress."""


@pytest.fixture
async def exports(database: Database, tmp_path: Path) -> Exports:
    """Ten conversations of three people on two channels, over ten days."""
    for number in range(10):
        await converse(
            database,
            ("zhangsan", "lisi", "王五/x")[number % 3],
            [(f"问{number}.{turn} 电话13812345678", f"答{number}.{turn} {MIXED}") for turn in range(3)],
            at=NOON + number * DAY,
            channel=("wecom", "hr")[number % 2],
            model=("deepseek-chat", "qwen-max")[number // 5],
            revision=f"r{number // 4}",
        )
    return Exports(database, MediaFolder(tmp_path / "media"), RenderPool(processes=2, keep=True, seconds=600))


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def manifest(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("format_", FORMATS)
async def test_every_format_is_made_whole_with_counts_and_checksums(
    exports: Exports, tmp_path: Path, format_: Format
) -> None:
    out = tmp_path / "out"
    done = await exports.to_folder(ExportJob(EVERYTHING, format_), out, quiet)
    listed = manifest(out)
    files = contents(out)

    assert () == done.failures
    assert (10, 60) == (listed["conversations"], listed["messages"])
    assert 60 == sum(each["messages"] for each in listed["files"])
    assert {each["path"]: each["sha256"] for each in listed["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "manifest.json"
    }


@pytest.mark.parametrize("format_", ["md", "jsonl"])
async def test_the_same_data_give_the_same_bytes_also_as_a_zip(
    exports: Exports, tmp_path: Path, format_: Format
) -> None:
    job = ExportJob(EVERYTHING, format_)
    for name in ("a.zip", "b.zip"):
        await exports.to_zip(job, tmp_path / name, quiet)
    await exports.to_folder(job, tmp_path / "c", quiet)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert contents(tmp_path / "c") == packed
    assert not (tmp_path / "a.zip.part").exists()


@pytest.mark.parametrize("format_", ["md", "jsonl", "csv"])
async def test_an_export_that_stopped_goes_on_and_gives_what_it_would_have(
    database: Database, exports: Exports, tmp_path: Path, format_: Format
) -> None:
    job = ExportJob(EVERYTHING, format_)
    await exports.to_folder(job, tmp_path / "whole", quiet)

    def die(done: int) -> None:
        if done >= 6:
            raise Interrupted

    with pytest.raises(Interrupted):
        await exports.to_folder(job, tmp_path / "stopped", die)
    # What is said in between belongs to the next export.
    await converse(database, "zhangsan", [("后来", "才说的")], at=time.time())
    made: list[int] = []
    await exports.to_folder(job, tmp_path / "stopped", made.append)

    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


@pytest.mark.parametrize("format_", ["md", "jsonl"])
async def test_whoever_is_forgotten_while_an_export_stands_still_is_not_in_it(
    database: Database, exports: Exports, tmp_path: Path, format_: Format
) -> None:
    def die(done: int) -> None:
        if done >= 6:
            raise Interrupted

    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        await exports.to_folder(ExportJob(EVERYTHING, format_), out, die)
    for person in await find(database, "zhangsan"):
        await forget(database, person, who="root")
    done = await exports.to_folder(ExportJob(EVERYTHING, format_), out, quiet)

    assert (6, 36) == (done.manifest.conversations, done.manifest.messages)
    assert {each.path for each in done.manifest.files} | {"manifest.json"} == set(contents(out))
    assert not any("zhangsan" in name or b"zhangsan" in data for name, data in contents(out).items())


async def test_what_stopped_while_it_was_packed_is_only_packed_again(exports: Exports, tmp_path: Path) -> None:
    in_the_way = tmp_path / "out.zip.half"
    in_the_way.mkdir()
    with pytest.raises(IsADirectoryError):
        await exports.to_zip(ExportJob(EVERYTHING, "md"), tmp_path / "out.zip", quiet)
    in_the_way.rmdir()
    made: list[int] = []
    done = await exports.to_zip(ExportJob(EVERYTHING, "md"), tmp_path / "out.zip", made.append)

    assert ([], 10) == (made, done.manifest.conversations)
    assert not (tmp_path / "out.zip.part").exists()


async def test_a_long_file_is_not_begun_again(database: Database, tmp_path: Path) -> None:
    exports = Exports(database, MediaFolder(tmp_path / "media"), RenderPool(processes=1, keep=True, seconds=600))
    for user in ("a", "b", "c"):
        await converse(database, user, [(f"{user}{turn}", "好") for turn in range(1100)], at=NOON)
    job = ExportJob(EVERYTHING, "jsonl")
    await exports.to_folder(job, tmp_path / "whole", quiet)

    def die(done: int) -> None:
        if done == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        await exports.to_folder(job, tmp_path / "stopped", die)
    counts: list[int] = []
    await exports.to_folder(job, tmp_path / "stopped", counts.append)

    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")
    assert 3 == min(counts)


async def test_a_folder_with_other_things_is_left_alone(exports: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(TargetNotEmpty, match="not empty"):
        await exports.to_folder(ExportJob(EVERYTHING, "md"), out, quiet)

    assert {"letter.txt": b"mine"} == contents(out)


async def test_whoever_is_refused_keeps_the_earlier_export(exports: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out"
    await exports.to_folder(ExportJob(EVERYTHING, "md"), out, quiet)
    (out / "wecom" / "letter.txt").write_text("mine", encoding="utf-8")
    before = contents(out)
    with pytest.raises(TargetNotEmpty, match="not empty"):
        await exports.to_folder(ExportJob(EVERYTHING, "md"), out, quiet)

    assert before == contents(out)


async def test_an_archive_takes_the_place_of_an_export_and_of_nothing_else(exports: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(TargetNotEmpty, match="is not an export of webot"):
        await exports.to_zip(ExportJob(EVERYTHING, "md"), out, quiet)

    assert "mine" == out.read_text(encoding="utf-8")
    out.unlink()
    await exports.to_zip(ExportJob(EVERYTHING, "txt"), out, quiet)
    await exports.to_zip(ExportJob(EVERYTHING, "md"), out, quiet)
    assert ".md" in str(zipfile.ZipFile(out).namelist())


async def test_a_finished_export_is_replaced_by_the_next(exports: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out"
    await exports.to_folder(ExportJob(EVERYTHING, "md"), out, quiet)
    await exports.to_folder(ExportJob(Selection(users=("lisi",)), "txt"), out, quiet)

    assert {".txt", ".json"} == {Path(name).suffix for name in contents(out)}


@pytest.mark.parametrize(
    ("chosen", "conversations"),
    [
        (Selection(users=("zhangsan",)), 4),
        (Selection(channels=("hr",)), 5),
        (Selection(users=("zhangsan", "lisi"), channels=("wecom",)), 3),
        (Selection(since=NOON + 7 * DAY), 3),
        (Selection(until=NOON + DAY), 1),
        (Selection(since=NOON + DAY, until=NOON + 3 * DAY), 2),
        (Selection(model="qwen-max"), 5),
        (Selection(revision="r1"), 4),
        (Selection(chain="other"), 0),
        (Selection(search="问3.1"), 1),
        (Selection(search="100%_"), 0),
        (Selection(model="qwen-max", users=("lisi",), search="答"), 1),
    ],
)
@pytest.mark.usefixtures("exports")
async def test_what_is_chosen_is_what_comes(database: Database, chosen: Selection, conversations: int) -> None:
    found = [transcript.conversation.id async for transcript in stream(database, chosen)]

    assert conversations == len(set(found)) == len(found)
    assert conversations == (await count(database, chosen))[0]


async def test_an_exchange_is_chosen_as_a_whole_by_the_time_of_its_question(database: Database) -> None:
    await converse(database, "lisi", [("早", "早答"), ("晚", "晚答")], at=NOON)
    chosen = Selection(since=NOON + 61)
    (transcript,) = [each async for each in stream(database, chosen)]

    assert ["晚", "晚答"] == [said.text for said in transcript.messages]


@pytest.fixture
async def judged(database: Database, tmp_path: Path) -> Exports:
    """Two conversations with one answer found good and two found bad."""
    ratings = {1: (1, ""), 2: (-1, "=1+1 电话13812345678")}
    await converse(database, "lisi", [("一", "1"), ("二", "2"), ("三", "3")], at=NOON, ratings=ratings)
    await converse(database, "wangwu", [("四", "4")], at=NOON, ratings={1: (-1, "太慢")}, model="qwen-max")
    return Exports(database, MediaFolder(tmp_path / "media"), RenderPool(processes=1, keep=True, seconds=600))


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (Selection(rated="good"), ["一", "1"]),
        (Selection(rated="bad"), ["二", "2", "四", "4"]),
        (Selection(rated="bad", users=("lisi",)), ["二", "2"]),
        (Selection(rated="bad", model="qwen-max"), ["四", "4"]),
        (Selection(rated="good", model="qwen-max"), []),
        (Selection(rated="bad", since=NOON + 121), []),
    ],
)
@pytest.mark.usefixtures("judged")
async def test_exchanges_are_chosen_by_what_people_thought_of_them(
    database: Database, chosen: Selection, said: list[str]
) -> None:
    assert said == [each.text async for part in stream(database, chosen) for each in part.messages]


async def test_records_say_what_people_thought_and_why(judged: Exports, tmp_path: Path) -> None:
    for format_ in ("jsonl", "csv"):
        job = ExportJob(Selection(users=("lisi",)), format_, masker=Masker())
        await judged.to_folder(job, tmp_path / format_, quiet)
    lines = (tmp_path / "jsonl" / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
    rows = (tmp_path / "csv" / "transcripts.csv").read_text(encoding="utf-8").splitlines()

    assert [("", ""), ("good", ""), ("", ""), ("bad", "=1+1 电话[PHONE]"), ("", ""), ("", "")] == [
        (said["rating"], said["note"]) for said in map(json.loads, lines)
    ]
    assert [["=1+1 电话[PHONE]"]] == [
        [each["note"] for each in said["ratings"]] for said in map(json.loads, lines) if said["rating"] == "bad"
    ]
    assert rows[0].endswith(',"rating","note","good","bad"')
    assert rows[4].endswith(',"bad","\'=1+1 电话[PHONE]","0","1"')


async def test_praised_answers_alone_make_a_training_set(judged: Exports) -> None:
    into = io.BytesIO()
    await judged.to_stream(ExportJob(Selection(rated="good"), "finetune"), into, quiet)
    (line,) = into.getvalue().splitlines()

    assert [("user", "一"), ("assistant", "1")] == [
        (said["role"], said["content"]) for said in json.loads(line)["messages"]
    ]


async def test_a_long_conversation_comes_whole_or_in_parts(database: Database) -> None:
    await converse(database, "lisi", [(str(turn), "好") for turn in range(2300)], at=NOON)
    (whole,) = [each async for each in stream(database, EVERYTHING)]
    parts = [each async for each in stream(database, EVERYTHING, whole=False)]

    assert [1000 * 2, 1000 * 2, 300 * 2] == [len(each.messages) for each in parts]
    assert whole.messages == tuple(said for each in parts for said in each.messages)


async def test_what_one_person_said_is_found_without_looking_at_everybody(tmp_path: Path) -> None:
    database = await open_migrated_file(tmp_path / "plan.db")
    for chosen in (Selection(persons=("wecom/lisi",)), Selection(persons=("wecom/lisi",), since=1.0)):
        wanted = following(chosen, 0).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        async with database.read() as connection:
            plan = [row.detail for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {wanted}"))]

        assert [] == [step for step in plan if "(person=?" not in step and "ORDER BY" not in step]
    await database.close()


async def test_masked_is_masked_everywhere(exports: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out"
    await exports.to_folder(ExportJob(EVERYTHING, "jsonl", masker=Masker(("zhangsan",))), out, quiet)
    text = (out / "transcripts.jsonl").read_text(encoding="utf-8")

    assert manifest(out)["masked"]
    assert "13812345678" not in text
    assert "zhangsan" not in text
    assert "[PHONE]" in text


async def test_a_stream_has_the_records_alone(exports: Exports) -> None:
    into = io.BytesIO()
    counts = await exports.to_stream(ExportJob(replace(EVERYTHING, users=("lisi",)), "jsonl"), into, quiet)

    assert (3, 18) == counts
    assert 18 == len(into.getvalue().splitlines())


async def test_another_job_does_not_go_on_with_an_unfinished_one(exports: Exports, tmp_path: Path) -> None:
    def die(done: int) -> None:
        if done:
            raise Interrupted

    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        await exports.to_folder(ExportJob(EVERYTHING, "md"), out, die)
    with pytest.raises(TargetNotEmpty, match="another unfinished export"):
        await exports.to_folder(ExportJob(EVERYTHING, "txt"), out, quiet)
    shutil.rmtree(out)
    await exports.to_folder(ExportJob(EVERYTHING, "txt"), out, quiet)


async def test_an_archive_of_documents_begins_with_a_page_that_lists_them(exports: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = await exports.to_folder(ExportJob(EVERYTHING, "html"), out, quiet)
    page = (out / "index.html").read_text(encoding="utf-8")

    assert done.manifest.conversations == page.count("<li>")
    assert all(quote(each.path) in page for each in done.manifest.files if each.conversations)
    assert "index.html" in {each.path for each in done.manifest.files}
