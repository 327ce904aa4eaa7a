"""On a phone, every table of every page and a revision's difference reads: no single letters, nothing sideways."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser

from storage.accounts.tokens import create_token
from tests.fakes.openai_server import OpenAIServer
from tests.service import running_service
from tests.web.console.axe.test_accessibility import environ_of, fill
from tests.web.console.every_page import page_addresses, replay_once
from web.security.role_names import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

NARROW = """() => [...document.querySelectorAll(".wide td, .wide th")]
  .filter((each) => each.innerText.trim().length > 3 && each.clientWidth && each.clientWidth < 70)
  .map((each) => each.innerText)"""
WIDER = """() => [...document.querySelectorAll(".wide, .chain-diff")]
  .filter((each) => each.scrollWidth > each.clientWidth).length"""
UNHEADED = """() => [...document.querySelectorAll(".wide table:has(thead) tbody td")]
  .filter((each) => each.innerText.trim() && !each.dataset.label && !each.querySelector("button") && each.colSpan === 1)
  .map((each) => each.innerText)"""
TABLES = "() => [...document.querySelectorAll('.wide table')].filter((each) => each.clientWidth).length"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_phone_shows_settings_and_differences_without_letters_one_below_the_other(
    tmp_path: Path, browser: Browser, language: str
) -> None:
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(60_000)
    async with running_service(tmp_path) as service:
        text = 'description = "chat"\nsystem_prompt = "Be brief, ' + "and kind, " * 30 + '"\n'
        put = await service.console.put(
            "/api/v1/chains/default/draft", json={"text": text}, headers={"If-None-Match": "*"}
        )
        assert put.is_success
        assert (await service.console.post("/api/v1/chains/default/publish", json={})).is_success
        found = []
        for path in ("settings", "chains/default/history?old=shipped"):
            await page.goto(f"{service.console.base_url}/console/{path}{'&' if '?' in path else '?'}lang={language}")
            await page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true;")
            found.append((await page.evaluate(NARROW), await page.evaluate(WIDER)))
    await page.context.close()

    assert [([], 0), ([], 0)] == found


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_on_a_phone_no_table_of_any_page_scrolls_sideways_and_each_value_has_its_heading(
    tmp_path: Path, browser: Browser, language: str
) -> None:
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(60_000)
    found, tables = {}, set()
    async with OpenAIServer() as model, running_service(tmp_path, environ_of(model)) as service:
        await fill(service, model)
        assert await create_token(service.service.database, "nightly", Role.READER, days=1, by="ann")
        for address in page_addresses(service, replay=await replay_once(service)):
            query = "&" if "?" in address else "?"
            await page.goto(f"{service.console.base_url}{address}{query}lang={language}")
            await page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true;")
            wrong = [await page.evaluate(each) for each in (NARROW, WIDER, UNHEADED)]
            if wrong != [[], 0, []]:
                found[address] = wrong
            if await page.evaluate(TABLES):
                tables.add(address)
    await page.context.close()

    assert {} == found
    assert {
        "/api/v1/docs",
        "/console/audit",
        "/console/chains/default/replay/{replay}",
        "/console/settings",
        "/console/turns",
        "/console/turns/2",
        "/console/usage",
        "/console/users",
    } <= {re.sub(r"replay/\w+", "replay/{replay}", each) for each in tables}
