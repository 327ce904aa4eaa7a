"""Two people edit one draft in two browsers: the second is told, and nothing is overwritten unless they say so."""

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from pipeline.text.i18n import Catalogue, Language
from tests.service import running_service
from tests.web.console.test_chains_page import write

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def open_draft(browser: Browser, address: str) -> Page:
    """Open the editor in a browser of its own."""
    page = await browser.new_page(locale="en")
    page.set_default_timeout(60_000)
    await page.goto(address)
    await expect(page.locator(".cm-content")).to_contain_text("# one")
    return page


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_second_who_saves_a_draft_is_told_and_overwrites_nothing(
    tmp_path: Path, browser: Browser, language: Language
) -> None:
    say = partial(lambda words, key: words.text(f"console.{key}"), Catalogue(language))
    file = tmp_path / "data" / "chains" / "drafts" / "hr.toml"
    async with running_service(tmp_path) as service:
        put = await service.console.put(
            "/api/v1/chains/hr/draft", json={"text": "# one"}, headers={"If-None-Match": "*"}
        )
        assert put.is_success
        address = f"{service.console.base_url}/console/chains/hr?lang={language}"
        first, second = [await open_draft(browser, address) for _ in range(2)]
        await write(second, "# the second's")
        await write(first, "# the first's")
        # By keyboard.
        await first.keyboard.press("Control+S")
        await expect(first.locator("#state")).to_have_text(say("chains_saved"))
        await expect(second.locator("#elsewhere")).to_contain_text(say("chains_elsewhere"))
        await second.locator(".cm-content").click()
        await second.keyboard.press("Control+S")
        await expect(second.locator("#state")).not_to_have_text(say("chains_unsaved"))
        refused = file.read_text(encoding="utf-8")
        # By mouse: what stands here is kept, now that the other's has been seen.
        await second.locator("#keep").click()
        await second.locator("#save").click()
        await expect(second.locator("#state")).to_have_text(say("chains_saved"))
        kept = file.read_text(encoding="utf-8")
        await expect(first.locator(".cm-content")).to_contain_text("# the second's")
        for page in (first, second):
            await page.context.close()

    assert ("# the first's", "# the second's") == (refused, kept)
