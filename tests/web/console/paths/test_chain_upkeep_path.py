"""Two revisions are compared, a chain is copied, the copy renamed and discarded, and what was released deleted."""

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from pipeline.text.i18n import Catalogue, Language
from tests.service import running_service
from tests.web.console.test_chains_page import TEXT

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def unfold(page: Page, text: str) -> None:
    """Open what is folded under some words."""
    await page.locator("summary", has_text=text).click()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_revisions_are_compared_and_a_copy_is_renamed_and_deleted(
    tmp_path: Path, browser_page: Page, language: Language
) -> None:
    page, say = browser_page, partial(lambda words, key: words.text(f"console.{key}"), Catalogue(language))
    async with running_service(tmp_path) as service:
        for prompt in ("You are HR.", "You are kind."):
            text = {"text": TEXT.format(about="leave", prompt=prompt)}
            put = await service.console.put("/api/v1/chains/hr/draft", json=text, headers={"If-None-Match": "*"})
            assert put.is_success
            released = await service.console.post("/api/v1/chains/hr/publish", json={"note": f"note: {prompt}"})
            assert released.is_success

        # What differs between the first revision and the second.
        await page.goto(f"{service.console.base_url}/console/chains/hr/history?lang={language}")
        await expect(page.locator("main")).to_contain_text("note: You are kind.")
        revisions = await page.locator("select[name=new] option").all_inner_texts()
        await page.locator("select[name=old]").select_option(revisions[-1])
        await page.locator("select[name=new]").select_option(revisions[0])
        await page.get_by_role("button", name=say("chains_compare")).click()
        await expect(page.locator(".chain-diff del").last).to_contain_text("You are HR.")
        await expect(page.locator(".chain-diff ins").last).to_contain_text("You are kind.")

        # A copy, under another name, and gone again.
        await page.locator(".chain-tabs").get_by_text(say("chains_edit")).click()
        for words, name in ((say("chains_copy"), "pay"), (say("chains_rename"), "payroll")):
            await unfold(page, words)
            form = page.locator("details[open] form.card")
            await form.locator("input[name=name]").fill(name)
            await form.get_by_role("button", name=words).click()
            await expect(page.locator("h1")).to_contain_text(name)
        await expect(page.locator(".cm-content")).to_contain_text("You are kind.")
        async with page.expect_navigation():
            await page.get_by_role("button", name=say("chains_discard")).click()

        # What was released goes by its own button.
        await page.goto(f"{service.console.base_url}/console/chains/hr?lang={language}")
        await unfold(page, say("chains_delete"))
        await page.locator("details[open] form.card").get_by_role("button", name=say("chains_delete")).click()
        await expect(page.locator(".chain-list")).to_contain_text("default")
        names = await page.locator(".chain-name").all_inner_texts()

    assert "default" in names
    assert not {"hr", "pay", "payroll"} & set(names)
