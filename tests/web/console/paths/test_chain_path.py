"""A prompt engineer signs in, writes a chain, tries and tests it, replays, releases to a share and rolls back."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from pipeline.text.i18n import Catalogue, Language
from tests.fakes.openai_server import OpenAIServer
from tests.service import running_service
from tests.web.console.every_page import MAY_BE_REPLAYED
from tests.web.console.test_chains_page import TEXT, write
from tests.web.console.test_pages import HOSTILE
from tests.web.security.test_sign_in import PASSWORD
from web.operator.accounts import add_account
from web.security.roles import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")


ABOUT = HOSTILE.replace('"', "'")
Say = Callable[[str], str]


async def write_and_try(page: Page, say: Say) -> None:
    # Sign in.
    await page.locator("input[name=name]").fill("pat")
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.get_by_role("button", name=say("sign_in"), exact=True).click()

    # Write a chain, and see a mistake marked.
    await page.get_by_text(say("chains_new")).click()
    await page.locator("form[action^='/console/chains'] input[name=name]").fill("hr")
    await page.get_by_role("button", name=say("chains_make")).click()
    await write(page, TEXT.format(about=ABOUT, prompt="You are HR.") + "modle = 'x'")
    await expect(page.locator("#problems .error")).to_contain_text("modle")
    await expect(page.locator("#problems button")).to_have_text(f"{say('chains_line')} 13")
    await write(page, TEXT.format(about=ABOUT, prompt="You are HR."))
    await expect(page.locator("#problems .fine")).to_be_visible()

    # Try it, and run its cases.
    await page.locator("#question").fill("holiday?")
    await page.get_by_role("button", name=say("chains_ask"), exact=True).click()
    await expect(page.locator("#answer")).to_contain_text("holiday?")
    await expect(page.locator("#facts")).to_contain_text("token")
    await expect(page.locator("#sent")).to_contain_text("You are HR.", use_inner_text=False)
    await page.get_by_role("button", name=say("chains_run"), exact=True).click()
    await expect(page.locator("#cases .failed")).to_contain_text("not said by anybody")
    await expect(page.locator("#cases .passed")).to_have_count(1)


async def replay_release_and_roll_back(page: Page, say: Say) -> None:
    # Write another draft, replay the question, and release it to a share.
    await page.locator(".chain-tabs").get_by_text(say("chains_edit")).click()
    await write(page, TEXT.format(about="better", prompt="You are kind."))
    async with page.expect_navigation():
        await page.get_by_role("button", name=say("chains_save")).click()
    await page.locator(".chain-tabs").get_by_text(say("chains_replay")).click()
    await page.get_by_role("button", name=say("replay_run"), exact=True).click()
    await expect(page.locator("#pairs .pair")).to_have_count(1)
    await expect(page.locator("#replay-state")).to_have_text(say("replay_ended"))
    await page.locator(".chain-tabs").get_by_text(say("chains_edit")).click()
    await page.locator("summary", has_text=say("chains_release")).click()
    await page.locator("input[value=share]").check()
    await page.locator("#release button").click()
    await expect(page.locator(".chain-notice.good")).to_contain_text("10 %")

    # Release it to all, and go back to the first.
    await page.locator(".chain-tabs").get_by_text(say("chains_edit")).click()
    await page.locator("summary", has_text=say("chains_release")).click()
    await page.locator("#release button").click()
    await expect(page.locator(".chain-notice.good")).to_be_visible()
    # The page before shows a notice, too.
    async with page.expect_navigation():
        await page.get_by_role("button", name=say("chains_rollback")).last.click()
    await expect(page.locator(".chain-notice.good")).to_be_visible()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_chain_from_the_first_line_to_the_rollback(
    tmp_path: Path, browser_page: Page, language: Language
) -> None:
    page, say = browser_page, partial(lambda words, key: words.text(f"console.{key}"), Catalogue(language))
    async with OpenAIServer() as model:
        environ = model.environ() | MAY_BE_REPLAYED
        async with running_service(tmp_path, environ) as service:
            await add_account(service.service.database, "pat", Role.PROMPT_ENGINEER, PASSWORD, by="root@host")
            await page.goto(f"{service.console.base_url}/console/chains?lang={language}")
            await write_and_try(page, say)

            # Release it to everybody; somebody asks it.
            await page.get_by_role("button", name=say("chains_save")).click()
            await expect(page.locator("#state")).to_have_text(say("chains_saved"))
            await page.locator("summary", has_text=say("chains_release")).click()
            await page.locator("#release button").click()
            await expect(page.locator(".chain-notice.good")).to_be_visible()
            phone = service.phone("lisi")
            await phone.say("@hr where do I ask for leave?")
            await phone.texts(count=1)

            await replay_release_and_roll_back(page, say)
            await page.goto(f"{service.console.base_url}/console/chains?lang={language}")
            await expect(page.locator(".chain-list")).to_contain_text("<script>")
            title = await page.title()
            await phone.say("@hr and now?")
            await phone.texts(count=2)

    prompts = [asked["messages"][0]["content"] for asked in model.bodies if len(asked["messages"]) > 1]
    assert "taken" != title
    assert "You are kind." in prompts
    assert "You are HR." == prompts[-1]
