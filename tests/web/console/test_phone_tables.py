"""On a phone, what stands in the settings' table and in a revision's difference reads: no cell of single letters."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.service import running_service

pytestmark = pytest.mark.asyncio(loop_scope="session")

NARROW = """() => [...document.querySelectorAll("td, th")]
  .filter((each) => each.innerText.trim().length > 3 && each.clientWidth < 70)
  .map((each) => each.innerText)"""
WIDER = """() => [...document.querySelectorAll(".settings .wide, .chain-diff")]
  .filter((each) => each.scrollWidth > each.clientWidth).length"""


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
