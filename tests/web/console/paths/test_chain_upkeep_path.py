"""Two revisions are compared, a chain is copied, the copy renamed and deleted; and an operator needs no mouse."""

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from pipeline.text.i18n import Catalogue, Language
from tests.service import running_service
from tests.web.console.test_chains_page import TEXT, write
from tests.web.security.test_sign_in import PASSWORD
from web.operator.accounts import add_account
from web.security.roles import Role

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
            if prompt == "You are HR.":
                await page.goto(f"{service.console.base_url}/console/chains?lang={language}")
                await unfold(page, say("chains_new"))
                await page.locator("form[action^='/console/chains'] input[name=name]").fill("hr")
                await page.get_by_role("button", name=say("chains_make")).click()
            else:
                await page.locator(".chain-tabs").get_by_text(say("chains_edit")).click()
            await write(page, TEXT.format(about="leave", prompt=prompt))
            await page.get_by_role("button", name=say("chains_save")).click()
            # Saved: a draft that was there before stays on its page, the first of a released chain reloads it.
            await expect(page.locator("#state")).not_to_have_text(say("chains_unsaved"))
            await unfold(page, say("chains_release"))
            await page.locator("#release input[name=note]").fill(f"note: {prompt}")
            await page.locator("#release button").click()
            await expect(page.locator(".chain-notice.good")).to_be_visible()

        # What differs between the first revision and the second.
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


async def test_one_signs_in_and_reads_a_conversation_by_keyboard_alone(tmp_path: Path, browser_page: Page) -> None:
    page = browser_page

    async def reach(selector: str) -> None:
        for _ in range(80):
            await page.keyboard.press("Tab")
            if await page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                return
        pytest.fail(f"Tab does not reach {selector} on {page.url}")

    async with running_service(tmp_path) as service:
        phone = service.phone("lisi")
        await phone.say("请问年假有几天？")
        await phone.texts(count=1)
        await add_account(service.service.database, "wang", Role.OPERATOR, PASSWORD, by="root@host")
        await page.goto(f"{service.console.base_url}/console/status?lang=en")
        await expect(page.locator("input[name=name]")).to_be_focused()
        await page.keyboard.type("wang")
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await reach("nav a[href*='/conversations']")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await reach("input[type=search]")
        await page.keyboard.type("年假")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await reach("a.exchange")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")

        await expect(page.locator(".transcript")).to_contain_text("请问年假有几天？")
