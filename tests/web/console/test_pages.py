"""What one sees: the chat page in a real Chromium, over a real server, through the encrypted callbacks."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Page, expect

from adapters.simulator.faults import Errcode
from pipeline.events import Clicked, File, Image, Text
from tests.fakes.openai_server import Held, OpenAIServer, Says
from tests.service import RunningService, running_service

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPLIES = "#stream .theirs .bubble"
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = (b"\0" + b"\x40\x80\xc0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def page(service: RunningService, browser_page: Page) -> Page:
    """The chat page of zhangsan."""
    await browser_page.goto(f"{service.http.base_url}/console")
    await expect(browser_page.locator("#welcome")).to_be_visible()
    return browser_page


async def test_a_person_says_hello_and_reads_the_answer(service: RunningService, page: Page) -> None:
    await page.locator("#text").fill("你好")
    await page.keyboard.press("Enter")
    await expect(page.locator(REPLIES)).to_contain_text("收到：“你好”")
    await expect(page.locator("#typing")).to_be_hidden()
    (said, _) = service.phone().entries()

    assert said.kind == "said"
    assert Text("你好") == said.content
    assert "" == await page.locator("#text").input_value()


async def test_a_line_is_broken_with_shift_and_not_sent_while_an_input_method_composes(
    service: RunningService, page: Page
) -> None:
    text = page.locator("#text")
    await text.fill("一")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.insert_text("二")
    await text.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await text.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})

    assert [] == service.phone().entries()

    await page.keyboard.press("Enter")
    await expect(page.locator("#stream .mine .bubble")).to_have_text("一\n二", use_inner_text=True)
    await expect(page.locator(REPLIES)).to_have_count(1)


async def test_a_picture_and_a_file_are_uploaded_shown_and_downloaded(service: RunningService, page: Page) -> None:
    sky: FilePayload = {"name": "天空.png", "mimeType": "image/png", "buffer": png(40, 30)}
    await page.set_input_files("#files", sky)
    await expect(page.locator(REPLIES)).to_have_count(1)
    paper: FilePayload = {"name": "报告.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 "}
    await page.set_input_files("#files", paper)
    await expect(page.locator(REPLIES)).to_have_count(2)
    picture = page.locator("#stream .picture img")
    async with page.expect_download() as waiting:
        await page.locator("#stream .file").click()
    downloaded = await waiting.value
    contents = [entry.content for entry in service.phone().entries() if entry.kind == "said"]

    assert [Image, File] == [type(content) for content in contents]
    assert 40 == await picture.evaluate("picture => picture.naturalWidth")
    assert "报告.pdf" == downloaded.suggested_filename
    assert b"%PDF-1.4 " == Path(await downloaded.path()).read_bytes()  # noqa: ASYNC240 (a few bytes)


async def test_the_menus_help_is_a_click(service: RunningService, page: Page) -> None:
    await page.locator("summary", has_text="快捷指令").click()
    await page.get_by_role("button", name="帮助").click()
    await expect(page.locator(REPLIES)).to_contain_text("@clear")
    await expect(page.locator("#stream .note")).to_contain_text("点击了菜单“帮助”")

    assert Clicked("@help") == next(entry.content for entry in service.phone().entries() if entry.kind == "said")


async def test_hostile_words_are_shown_as_words(tmp_path: Path, browser_page: Page) -> None:
    async with OpenAIServer(otherwise=lambda _: Says(f"# {HOSTILE}\n\n```\n{HOSTILE}\n```")) as model:
        environ = model.environ(HOSTILE)
        async with running_service(tmp_path, environ) as service:
            await browser_page.goto(f"{service.http.base_url}/console")
            await browser_page.locator("#text").fill(HOSTILE)
            await browser_page.keyboard.press("Enter")
            await expect(browser_page.locator(REPLIES)).to_contain_text(HOSTILE)
            await expect(browser_page.locator("#stream .mine .bubble")).to_have_text(HOSTILE)
            await expect(browser_page.locator(".top .chip").last).to_have_text(HOSTILE)
            made = await browser_page.locator("#stream script, #stream .bubble img").count()

            assert 0 == made
            assert "zhangsan · webot" == await browser_page.title()


async def test_one_sees_that_an_answer_is_being_made(tmp_path: Path, browser_page: Page) -> None:
    gate = asyncio.Event()
    async with OpenAIServer(otherwise=lambda _: Held(gate, Says("好了"))) as model:
        environ = model.environ()
        async with running_service(tmp_path, environ) as service:
            await browser_page.goto(f"{service.http.base_url}/console")
            await browser_page.locator("#text").fill("慢慢来")
            await browser_page.keyboard.press("Enter")
            await expect(browser_page.locator("#typing")).to_be_visible()
            await expect(browser_page.locator(".top .chip").last).to_have_text("test-model")
            gate.set()
            await expect(browser_page.locator(REPLIES)).to_have_text("好了")
            await expect(browser_page.locator("#typing")).to_be_hidden()


async def test_a_fault_is_set_and_lifted(service: RunningService, page: Page) -> None:
    await page.locator(".fold summary").click()
    await page.locator("select[name=calls]").select_option("3")
    await page.get_by_role("button", name="45009").click()
    await expect(page.locator(".in-force li")).to_contain_text("还有 3 次")
    ((rule, left),) = service.simulator.faults.rules().values()

    assert (Errcode(45009), "message/send", 3) == (rule.fault, rule.route, left)

    await page.get_by_role("button", name="全部解除").click()
    await expect(page.locator(".in-force")).to_have_count(0)

    assert {} == service.simulator.faults.rules()


async def test_both_languages_and_a_narrow_screen(service: RunningService, browser_page: Page) -> None:
    await browser_page.set_viewport_size({"width": 390, "height": 844})
    await browser_page.goto(f"{service.http.base_url}/console?user=lisi&lang=en")
    await expect(browser_page.get_by_placeholder("Write a message")).to_be_visible()
    await expect(browser_page.locator("#side")).to_be_hidden()
    await browser_page.locator(".top [data-side]").click()
    await browser_page.get_by_role("link", name="中文").click()
    await expect(browser_page.get_by_placeholder("输入消息")).to_be_visible()
    wide = await browser_page.evaluate("() => document.documentElement.scrollWidth")

    assert 390 == wide
