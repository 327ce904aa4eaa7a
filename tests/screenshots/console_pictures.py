"""Takes the pictures of the console's other pages, and of the doctor on a terminal."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Page, expect

from adapters.simulator.faults import Errcode
from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from tests.screenshots.example_usage import add_usage
from tests.screenshots.images import write_picture
from tests.screenshots.studio import Studio, model_settings, webot_on_terminal, write_settings
from tests.screenshots.terminal_page import terminal_page
from tests.service import until
from tests.web.credentials import credentials
from tests.web.shell import free_port

_ANSWER_SECONDS = 0.7
_DOCTOR_WIDTH = 1060
_OUTSIDE_ADDRESS = "203.0.113.7"


async def take_chain(studio: Studio, to: Path) -> None:
    """A chain is written, asked and tested beside its editor."""
    example = studio.example
    async with studio.model() as model, studio.service(model) as service, studio.page((1280, 860)) as page:
        made = await service.console.put(
            "/api/v1/chains/hr/draft", json={"text": example.chain}, headers={"If-None-Match": "*"}
        )
        assert made.is_success, made.text
        await page.goto(f"{service.console.base_url}/console/chains/hr?lang={studio.language}")
        await page.locator("#question").fill(example.chain_question)
        await page.locator("#try button").click()
        await expect(page.locator("#facts")).not_to_be_empty()
        await page.locator("#run").click()
        await expect(page.locator("#cases .passed")).to_have_count(2)
        await page.locator("#run").blur()
        write_picture(await page.screenshot(), to)


async def take_replay(studio: Studio, to: Path) -> None:
    """Real questions are put to a draft and to what is live, and one is judged by hand."""
    async with (
        studio.model() as model,
        studio.service(model, {"WEBOT_REPLAY__USERS": '["lisi"]'}) as service,
        studio.page((1280, 900)) as page,
    ):
        await studio.let_people_talk(service)
        draft = f'description = "chat"\nsystem_prompt = "{studio.example.brief_prompt}"\n'
        made = await service.console.put(
            "/api/v1/chains/default/draft", json={"text": draft}, headers={"If-None-Match": "*"}
        )
        assert made.is_success, made.text
        await page.goto(f"{service.console.base_url}/console/chains/default/replay?lang={studio.language}")
        await page.locator("#replay button.primary").click()
        await expect(page.locator("#pairs .pair")).to_have_count(2)
        await page.locator("#pairs .pair input[value=better]").first.check()
        await page.locator("#pairs .pair input[value=better]").first.blur()
        write_picture(await page.screenshot(), to)


async def take_usage(studio: Studio, to: Path) -> None:
    """A month of answers, tokens and cost."""
    async with (
        studio.model(_ANSWER_SECONDS) as model,
        studio.service(model, {"WEBOT_BUDGETS__PER_MONTH": "120"}) as service,
        studio.page((1200, 900)) as page,
    ):
        await add_usage(service.service.database, datetime.now(UTC).astimezone().date())
        await studio.let_people_talk(service)
        await page.goto(f"{service.console.base_url}/console/usage?lang={studio.language}&by=model")
        await expect(page.locator("#chart canvas").first).to_be_visible()
        write_picture(await page.screenshot(), to)


async def take_conversations(studio: Studio, to: Path) -> None:
    """What was said is searched for a word."""
    async with studio.model() as model, studio.service(model) as service, studio.page() as page:
        await studio.let_people_talk(service)

        async def search() -> None:
            await page.goto(
                f"{service.console.base_url}/console/conversations?lang={studio.language}&words={studio.example.searched}"
            )

        await search()
        async with asyncio.timeout(60):
            # What was just said is found once it is in the index.
            while await page.locator("mark").count() < 2:
                await search()
        write_picture(await page.screenshot(), to)


async def take_doctor(studio: Studio, to: Path) -> None:
    """The doctor finds that WeCom does not trust this machine's address."""
    async with studio.model() as model, WeComSimulator([invent_app()]) as wecom, studio.page() as page:
        wecom.add_fault(Errcode(60020, _OUTSIDE_ADDRESS), route="agent/get")
        ports = {"WEBOT_SERVER__PORT": str(free_port()), "WEBOT_CONSOLE__PORT": str(free_port())}
        secrets = {**model_settings(model), **credentials(wecom.app(), wecom.url)}
        with TemporaryDirectory() as folder:
            # In files, as people have them: the doctor says where settings are from.
            write_settings(Path(folder) / ".secrets.toml", secrets)
            write_settings(Path(folder) / "settings.local.toml", ports | {"WEBOT_CHAT__LANGUAGE": studio.language})
            async with webot_on_terminal("doctor", folder=Path(folder), environ={}) as running:
                await running.process.wait()
                await until(lambda: "✗" in running.text and running.text.endswith("\n"))
                text = running.text
        for found, usual in (
            (wecom.url, "https://qyapi.weixin.qq.com"),
            (f":{ports['WEBOT_SERVER__PORT']}", ":50008"),
            (f":{ports['WEBOT_CONSOLE__PORT']}", ":50009"),
            (folder, "/srv/webot"),
        ):
            text = text.replace(found, usual)
        await _take_terminal(page, f"$ webot doctor\n{text}", to)


async def _take_terminal(page: Page, text: str, to: Path) -> None:
    await page.set_viewport_size({"width": _DOCTOR_WIDTH, "height": 200})
    await page.set_content(terminal_page(text))
    write_picture(await page.screenshot(full_page=True), to)
