"""Rendering processes: pages come whole or not at all, and no process is left behind."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pymupdf
import pytest

from exports.records import Transcript
from exports.workers.messages import Rendered, RenderFailed, RenderRequest
from exports.workers.pool import RenderPool
from exports.workers.process import MEMORY, open_fork_server
from pipeline.replies import StoredMedia
from tests.exports.binding import lay
from tests.exports.samples import MIXED, REPORT, message, talk, transcript

LONG = transcript(160, answers=(REPORT, MIXED, "好的"))
PICTURE = StoredMedia("ab" * 32, "image/png", "图.png", 0)


async def laid(folder: Path, *transcripts: Transcript) -> RenderRequest:
    await asyncio.to_thread(lay, folder, *transcripts)
    return RenderRequest(str(folder), "it", "pdf", "auto", "zh", 10**8)


async def rooms() -> list[psutil.Process]:
    def look() -> list[psutil.Process]:
        return [each for each in psutil.Process().children() if "exports.workers.child" in each.cmdline()]

    return await asyncio.to_thread(look)


async def processes() -> list[psutil.Process]:
    found = await rooms()
    return [each for fork_server in found for each in await asyncio.to_thread(fork_server.children)]


async def test_a_long_conversation_is_whole_however_many_processes_print_it(tmp_path: Path) -> None:
    made: list[bytes] = []
    for count in (1, 2):
        pool = RenderPool(processes=count, keep=False, seconds=600)
        folder = tmp_path / str(count)

        assert Rendered("pdf", ("it.pdf",)) == await pool.render(await laid(folder, LONG))
        made.append(await asyncio.to_thread((folder / "out" / "it.pdf").read_bytes))

    assert made[0] == made[1]
    with pymupdf.open(stream=made[0]) as pages:
        text = "".join(page.get_text() for page in pages)
    assert all(f"#{number}\n" in text for number in range(1, 321))


async def test_processes_stay_only_while_there_is_something_to_render(tmp_path: Path) -> None:
    pool = RenderPool(processes=2, keep=False, seconds=600)
    orders = [await laid(tmp_path / str(number), transcript(2, answers=("好",))) for number in range(3)]
    made = await asyncio.gather(*map(pool.render, orders))

    assert [Rendered("pdf", ("it.pdf",))] * 3 == made
    assert [] == await rooms()


async def test_processes_that_are_kept_end_when_the_workshop_closes(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=True, seconds=600)
    await pool.render(await laid(tmp_path / "1", transcript(2, answers=("好",))))
    (kept,) = await processes()
    await pool.render(await laid(tmp_path / "2", transcript(2, answers=("好",))))

    assert [kept] == await processes()
    await pool.close()
    assert ([], False) == (await rooms(), kept.is_running())


async def test_processes_give_way_to_the_service_and_are_its_own_to_interrupt(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=True, seconds=600)
    await pool.render(await laid(tmp_path, transcript(1, answers=("好",))))
    made = [*await rooms(), *await processes()]
    (group,) = {os.getpgid(each.pid) for each in made}

    assert [19, 19] == [each.nice() for each in made]
    # In a session of their own some kernels would give them as much time as the whole service.
    assert {os.getsid(0)} == {os.getsid(each.pid) for each in made}
    assert group != os.getpgid(0)
    await pool.close()


async def test_a_room_opened_early_is_the_one_that_is_used(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=True, seconds=600, fork_server=await open_fork_server(pages=True))
    opened = await rooms()
    await pool.render(await laid(tmp_path, transcript(1, answers=("好",))))

    assert opened == await rooms()
    await pool.close()
    assert [] == await rooms()


async def test_a_process_that_dies_breaks_its_own_document_alone(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=True, seconds=600)
    orders = [
        replace(await laid(tmp_path / str(number), transcript(1, answers=("好",))), format="txt") for number in range(3)
    ]
    await pool.render(orders[0])
    (process,) = await processes()
    process.kill()
    made = [await pool.render(order) for order in orders[1:]]
    await pool.close()

    assert [RenderFailed("the rendering process died"), Rendered("txt", ("it.txt",))] == made


async def test_a_room_that_dies_is_replaced(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=False, seconds=600, fork_server=await open_fork_server(pages=True))
    (fork_server,) = await rooms()
    fork_server.kill()
    made = await pool.render(await laid(tmp_path, transcript(1, answers=("好",))))

    assert Rendered("pdf", ("it.pdf",)) == made
    assert [] == await rooms()


async def test_a_document_that_takes_too_long_is_given_up_and_its_process_ended(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=True, seconds=0)
    made = await pool.render(await laid(tmp_path, transcript(1, answers=("好",))))

    assert RenderFailed("not done after 0 s") == made
    await pool.close()
    assert [] == await rooms()


async def test_pages_whose_process_died_are_tried_again_with_the_other_engine(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=True, seconds=600)
    orders = [await laid(tmp_path / str(number), transcript(1, answers=("好",))) for number in range(2)]
    await pool.render(orders[0])
    (process,) = await processes()
    process.kill()
    made = await pool.render(orders[1])
    await pool.close()

    assert Rendered("pdf", ("it.pdf",)) == made


async def test_where_no_process_survives_the_pages_there_is_a_web_page(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=True, seconds=600)
    orders = [
        replace(await laid(tmp_path / str(number), transcript(1, answers=("好",))), engine="markdown-pdf")
        for number in range(2)
    ]
    await pool.render(orders[0])
    (process,) = await processes()
    process.kill()
    made = await pool.render(orders[1])
    await pool.close()

    assert Rendered("html", ("it.html",), "the rendering process died") == made


async def test_pages_with_pictures_show_them(tmp_path: Path) -> None:
    shown = Transcript(talk(), (replace(message(1, "human", "看图"), media=(PICTURE,)), message(1, "ai", "好")))
    order = await laid(tmp_path, shown)
    pixels = pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 40, 30)).tobytes("png")
    await asyncio.to_thread((tmp_path / f"{PICTURE.sha256}.png").write_bytes, pixels)
    await RenderPool(processes=1, keep=False, seconds=600).render(order)

    with pymupdf.open(tmp_path / "out" / "it.pdf") as pages:
        assert 1 == len(pages[0].get_images())


@pytest.mark.parametrize("count", [1, 2])
async def test_what_cannot_be_set_on_pages_comes_as_a_web_page_that_says_why(tmp_path: Path, count: int) -> None:
    higher_than_a_page = f"| 甲 | 乙 |\n|---|---|\n| 1 | {'长句子，换行。' * 700} |"
    order = await laid(tmp_path, transcript(52, answers=("好", *["行"] * 50, higher_than_a_page)))
    made = await RenderPool(processes=count, keep=False, seconds=600).render(replace(order, engine="markdown-pdf"))

    assert Rendered("html", ("it.html",), "markdown-pdf: Stuck") == made
    page = await asyncio.to_thread((tmp_path / "out" / "it.html").read_text, encoding="utf-8")
    assert 52 == page.count('<article class="ai">')


async def test_a_process_that_wants_too_much_memory_fails_alone(tmp_path: Path) -> None:
    many = transcript(1, answers=("好" * 4_000_000,))
    orders = [
        replace(await laid(tmp_path / str(number), each), format="txt")
        for number, each in enumerate((transcript(1, answers=("好",)), many, transcript(1, answers=("好",))))
    ]
    pool = RenderPool(
        processes=1, keep=True, seconds=600, fork_server=await open_fork_server(pages=False, memory=2**23)
    )
    made = [await pool.render(order) for order in orders]
    await pool.close()

    assert [True, False, True] == [isinstance(each, Rendered) for each in made]
    assert isinstance(made[1], RenderFailed)
    assert "MemoryError" in made[1].reason or "died" in made[1].reason


async def test_every_process_has_a_bound_of_memory(tmp_path: Path) -> None:
    pool = RenderPool(processes=1, keep=True, seconds=600)
    made = await pool.render(await laid(tmp_path, transcript(1, answers=("好",))))
    (process,) = await processes()
    most, _ = process.rlimit(psutil.RLIMIT_DATA)
    await pool.close()

    assert Rendered("pdf", ("it.pdf",)) == made
    assert 0 < most < 2 * MEMORY
