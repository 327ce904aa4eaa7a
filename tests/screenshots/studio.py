"""Where pictures are taken: a browser, and a service of its own with a simulated WeCom and a scripted model."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from pipeline.text.i18n import Language
from tests.chromium import CHROMIUM, FLAGS
from tests.fakes.openai_server import OpenAIServer, Says
from tests.screenshots.example_conversations import EXAMPLES, ExampleConversation
from tests.service import RunningService, running_service

_SIZE = (1200, 780)
_FONTS = f"""<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>{files("manimgx_fonts_cjk")}</dir></fontconfig>
"""
"""Chinese as exported pages have it, whichever fonts the machine has."""
_LOCALES: Mapping[Language, str] = {"en": "en-GB", "zh": "zh-CN"}


@dataclass(frozen=True, slots=True)
class Studio:
    """What a picture is taken with: a browser, a language, and whether the page is dark."""

    browser: Browser
    language: Language
    dark: bool = False

    @property
    def example(self) -> ExampleConversation:
        """Return what is said in this language."""
        return EXAMPLES[self.language]

    @asynccontextmanager
    async def page(self, size: tuple[int, int] = _SIZE, scale: float = 1.5) -> AsyncIterator[Page]:
        """Open a page of a size in CSS pixels."""
        width, height = size
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            locale=_LOCALES[self.language],
            color_scheme="dark" if self.dark else "light",
            reduced_motion="reduce",
        )
        page = await context.new_page()
        page.set_default_timeout(60_000)
        yield page
        await context.close()

    @asynccontextmanager
    async def service(
        self, model: OpenAIServer, environ: Mapping[str, str] | None = None
    ) -> AsyncIterator[RunningService]:
        """Run a service in this language whose model is a scripted one."""
        with TemporaryDirectory() as folder:
            settings = model_settings(model) | {"WEBOT_CHAT__LANGUAGE": self.language} | dict(environ or {})
            async with running_service(Path(folder), settings) as service:
                yield service

    async def let_people_talk(self, service: RunningService, agent_id: int | None = None) -> None:
        """Have the others of the example ask their questions and be answered."""
        for user, said in self.example.others.items():
            phone = service.phone(user, agent_id)
            for count, (question, _) in enumerate(said, 1):
                await phone.say(question)
                await phone.messages(count=count)

    @asynccontextmanager
    async def model(self, delay: float = 0.0) -> AsyncIterator[OpenAIServer]:
        """Run a model that answers the questions of the example, after so many seconds."""
        example = self.example

        def answer(body: Mapping[str, Any]) -> Says:
            asked = str(body["messages"][-1]["content"])
            is_brief = example.brief_prompt in str(body["messages"][0]["content"])
            answers = example.brief_answers if is_brief else example.answers()
            text = next((said for question, said in answers.items() if question in asked), "OK.")
            return Says(text, usage=(420 + len(asked), len(text) // 3))

        async with OpenAIServer(otherwise=answer, delay=delay) as server:
            yield server


def model_settings(model: OpenAIServer) -> dict[str, str]:
    """Return the environment in which a scripted model stands for a real one."""
    return model.environ("deepseek-chat", input_price="2", output_price="8")


def write_settings(file: Path, environ: Mapping[str, str]) -> None:
    """Write settings that are given as an environment into a file of settings."""
    tables: dict[str, list[str]] = {}
    for name, value in environ.items():
        *table, key = name.removeprefix("WEBOT_").lower().split("__")
        tables.setdefault(".".join(table), []).append(f"{key} = {value if value.isdigit() else json.dumps(value)}")
    written = "\n".join(f"[{table}]\n" + "\n".join(lines) + "\n" for table, lines in tables.items())
    file.touch(0o600)
    file.write_text(written, encoding="utf-8")


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Start the browser that CHROMIUM names."""
    with TemporaryDirectory() as folder:
        fonts = Path(folder) / "fonts.conf"
        fonts.write_text(_FONTS, encoding="utf-8")
        environ: dict[str, str | float | bool] = {**os.environ, "FONTCONFIG_FILE": str(fonts)}
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=environ)
            yield browser
            await browser.close()


@dataclass(frozen=True, slots=True)
class TerminalProcess:
    """`webot` as it runs on a terminal, in colours; what it wrote so far is in `shown`."""

    process: asyncio.subprocess.Process
    shown: bytearray

    @property
    def text(self) -> str:
        """Return what it wrote so far."""
        return self.shown.decode(errors="replace").replace("\r\n", "\n")


@asynccontextmanager
async def webot_on_terminal(*args: str, folder: Path, environ: Mapping[str, str]) -> AsyncIterator[TerminalProcess]:
    """Run a verb on a terminal of its own until the block ends."""
    controller, terminal = os.openpty()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEBOT_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "web.cli", *args),
        cwd=folder,
        env=kept | {"PYTHONPATH": str(Path.cwd()), "COLUMNS": "96", "TERM": "xterm-256color"} | dict(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = bytearray()
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            data = os.read(controller, 65_536)
        except OSError:  # the terminal is closed
            data = b""
        shown.extend(data)
        if not data:
            loop.remove_reader(controller)

    loop.add_reader(controller, read)
    try:
        yield TerminalProcess(process, shown)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        loop.remove_reader(controller)
        os.close(controller)
