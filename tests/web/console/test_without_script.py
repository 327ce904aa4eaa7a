"""The console in a Chromium that runs no script: every page reads, and Tab reaches what the main ones offer."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fakes.openai_server import OpenAIServer
from tests.service import running_service
from tests.web.console.axe.test_accessibility import environ_of, fill
from tests.web.console.every_page import page_addresses, replay_once
from web.console.navigation import NAVIGATION

MAIN_ACTIONS = {
    "chat": "#text",
    "chains": "main .chain-drop > summary",
    "conversations": "main form input[name], main form button",
    "doctor": "main form button",
}
"""What Tab must reach, besides the navigation, on a page where something is done or looked for."""


async def _is_reached(page: Page, selector: str) -> bool:
    """Whether Tab, pressed from the top of the page, comes to an element of a selector."""
    await page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return True
    return False


@pytest.mark.asyncio(loop_scope="session")
async def test_every_page_reads_without_script_and_the_keyboard_reaches_what_it_offers(
    tmp_path: Path, browser: Browser
) -> None:
    async with OpenAIServer() as model, running_service(tmp_path, environ_of(model)) as service:
        await fill(service, model)
        page = await browser.new_page(locale="en", java_script_enabled=False)
        page.set_default_timeout(60_000)
        unread, unreached = [], []
        for entry in NAVIGATION:
            answer = await page.goto(f"{service.console.base_url}/console{entry.path}?lang=en")
            assert answer is not None
            words = (await page.locator("main").inner_text()).split()
            await expect(page.locator("main h1")).to_be_visible()
            if answer.status != 200 or len(words) < 5:
                unread.append((entry.key, answer.status, words))
            wanted = ("nav a[href]", MAIN_ACTIONS.get(entry.key, "nav a[href]"))
            unreached += [(entry.key, each) for each in wanted if not await _is_reached(page, each)]
            if entry.key == "chat":
                await expect(page.locator("main noscript p")).to_be_visible()
        for address in page_addresses(service, replay=await replay_once(service)):
            answer = await page.goto(f"{service.console.base_url}{address}")
            assert answer is not None
            words = (await page.locator("body").inner_text()).split()
            await expect(page.locator("h1").first).to_be_visible()
            if answer.status != 200 or len(words) < 20:
                unread.append((address, answer.status, words))
        await page.context.close()

    assert [] == unread
    assert [] == unreached
