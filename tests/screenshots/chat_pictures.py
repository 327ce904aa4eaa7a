"""Takes the pictures of the chat: an answer that is being written, a page of an export, and the first answer of all."""

import asyncio
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pymupdf
from playwright.async_api import Page, expect

from tests.fakes.openai_server import Says
from tests.screenshots.images import write_animation, write_picture
from tests.screenshots.studio import Studio, TerminalProcess, webot_on_terminal
from tests.screenshots.terminal_page import terminal_page
from tests.service import until
from tests.web.shell import free_port

_BOT = {"WEBOT_CHANNELS__WECOM__KIND": "wecom_aibot"}
_CHAT_SIZE = (1200, 980)
_PIECES = 4
_SHOWN_OF_CODE = 330
"""Characters of the second answer that are there when the picture is taken."""
_PAGE_POINTS = 620
"""How much of the exported page is shown, from its top."""
_MARGIN_POINTS = 28
_PORT = 50008
_FILM_SIZE = (960, 600)
_FIRST_WORDS = {"en": "Hello! What can you do?", "zh": "你好，你能做什么？"}


async def take_chat(studio: Studio, to: Path) -> None:
    """A table is there; the code of the second answer is being written."""
    example = studio.example
    async with studio.model() as model, studio.service(model, _BOT) as service, studio.page(_CHAT_SIZE) as page:
        app = service.service.channels["wecom"].simulated
        assert app is not None
        await service.simulator.bots.connected(app)
        await studio.let_people_talk(service, app.agent_id)
        await page.goto(f"{service.console.base_url}/console?lang={studio.language}")
        await _say(page, example.table_question)
        await expect(page.locator("#stream .theirs table")).to_be_visible()
        await expect(page.locator("#typing")).to_be_hidden()
        model.script(Says(example.code_answer, pieces=_PIECES, hangs_after=1 + _SHOWN_OF_CODE // _PIECES))
        await _say(page, example.code_question)
        await expect(page.locator("#stream .theirs pre")).to_contain_text("with urlopen")
        await page.locator("#text").blur()
        write_picture(await page.screenshot(), to)


async def take_exported_page(studio: Studio, to: Path) -> None:
    """The beginning of the PDF that `@export` sends."""
    example = studio.example
    async with studio.model() as model, studio.service(model) as service:
        phone = service.phone()
        for count, question in enumerate((example.table_question, example.code_question), 1):
            await phone.say(question)
            await phone.messages(count=count)
        await phone.say("@export")
        await until(lambda: any(entry.kind == "delivered" and entry.media for entry in phone.entries()))
        media = next(entry.media for entry in phone.entries() if entry.kind == "delivered" and entry.media)
        pdf = service.simulator.media(media.media_id).data
    with pymupdf.open(stream=pdf, filetype="pdf") as document:
        clip = pymupdf.Rect(0, _MARGIN_POINTS, document[0].rect.width, _PAGE_POINTS)
        write_picture(document[0].get_pixmap(dpi=150, clip=clip).tobytes("png"), to)


async def take_first_answer(studio: Studio, to: Path) -> None:
    """From `make run` to the first answer, as an animation."""
    port = free_port()
    environ = {"WEBOT_SERVER__PORT": str(port), "WEBOT_CHAT__LANGUAGE": studio.language}
    frames: list[tuple[bytes, int]] = []
    with TemporaryDirectory() as folder:
        async with (
            webot_on_terminal("serve", folder=Path(folder), environ=environ) as running,
            studio.page(_FILM_SIZE, 1.0) as page,
        ):
            await until(lambda: "/console" in running.text and running.text.count("\n") >= 4)
            await _film_terminal(page, running, port, frames)
            await page.goto(f"http://127.0.0.1:{port}/console?lang={studio.language}")
            await expect(page.locator("#welcome")).to_be_visible()
            frames.append((await page.screenshot(), 1200))
            await _film_question(page, _FIRST_WORDS[studio.language], frames)
    await asyncio.to_thread(write_animation, frames, to)


async def _film_terminal(page: Page, running: TerminalProcess, port: int, frames: list[tuple[bytes, int]]) -> None:
    command = "make run"
    for length in range(len(command) + 1):
        await page.set_content(terminal_page(f"$ {command[:length]}", cursor=True))
        frames.append((await page.screenshot(), 700 if length in {0, len(command)} else 110))
    lines = _as_on_any_day(running.text, port).splitlines()
    for count in range(1, len(lines) + 1):
        shown = "\n".join([f"$ {command}", *lines[:count], ""])
        await page.set_content(terminal_page(shown, cursor=True))
        frames.append((await page.screenshot(), 250))
    frames[-1] = (frames[-1][0], 2200)


async def _film_question(page: Page, words: str, frames: list[tuple[bytes, int]]) -> None:
    step = max(1, len(words) // 8)
    for length in range(step, len(words) + step, step):
        await page.locator("#text").fill(words[:length])
        frames.append((await page.screenshot(), 130))
    await page.keyboard.press("Enter")
    await expect(page.locator("#stream .mine .bubble")).to_be_visible()
    frames.append((await page.screenshot(), 600))
    await expect(page.locator("#stream .theirs .bubble")).to_be_visible()
    frames.append((await page.screenshot(), 5000))


def _as_on_any_day(text: str, port: int) -> str:
    """Return what the start wrote with the usual port, and without the lines of the log."""
    lines = [line for line in text.splitlines() if not re.match(r"(?:\x1b\[\d+m)*\d{4}-", line)]
    return "\n".join(lines).replace(f":{port}", f":{_PORT}")


async def _say(page: Page, words: str) -> None:
    await page.locator("#text").fill(words)
    await page.keyboard.press("Enter")
    await expect(page.locator("#stream .mine .bubble").last).to_contain_text(words)
