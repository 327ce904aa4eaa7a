"""An operator without a mouse: a conversation, the doctor, failed turns, the menu, a model, a chain; some by mouse."""

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from pipeline.events import Person
from pipeline.text.i18n import Catalogue, Language
from storage.conversations.audit import deeds
from storage.database.engine import Database
from storage.database.tables import inbox
from tests.fakes.openai_server import OpenAIServer, Says
from tests.service import running_service
from tests.storage.search.saying import say as said_by
from tests.web.console.paths.keyboard import follow, reach
from tests.web.credentials import credentials
from tests.web.security.test_sign_in import PASSWORD
from web.operator.accounts import add_account
from web.security.role_names import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLD = "() => document.activeElement.matches('summary') ? document.activeElement.innerText.trim() : ''"
HR = invent_app(agent_id=1000003, name="hr")


async def sign_in_and_read(page: Page, root: str, language: Language) -> None:
    await page.goto(f"{root}/status?lang={language}")
    await expect(page.locator("input[name=name]")).to_be_focused()
    await page.keyboard.type("ann")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await follow(page, "nav a[href*='/conversations']")
    await reach(page, "input[type=search]")
    await page.keyboard.type("年假")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await follow(page, "a.exchange")
    await expect(page.locator(".transcript")).to_contain_text("年假怎么算？")


async def examine_and_retry(page: Page, root: str, language: Language) -> None:
    await page.goto(f"{root}/doctor?lang={language}")
    await reach(page, "main form button")
    await page.keyboard.press("Enter")
    await expect(page.locator("#findings li").first).to_be_visible()
    await page.goto(f"{root}/turns?lang={language}")
    await expect(page.locator(".reason")).to_have_count(3)
    await follow(page, "td button")
    await expect(page.locator(".reason")).to_have_count(2)
    await follow(page, "main form:has(input[value=all]) button")
    await expect(page.locator(".reason")).to_have_count(0)


async def fail_all(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(inbox.update().values(state="failed"))


async def examine_retry_and_push_by_mouse(page: Page, root: str, language: Language) -> None:
    say = partial(lambda words, key: words.text(f"console.{key}"), Catalogue(language))
    await page.goto(f"{root}/doctor?lang={language}")
    await page.get_by_role("button", name=say("doctor_run")).click()
    await expect(page.locator("#findings li").first).to_be_visible()
    await page.locator("nav.wide-menu").get_by_text(say("nav_turns"), exact=True).click()
    await expect(page.locator(".reason")).to_have_count(3)
    await page.get_by_role("button", name=say("turns_retry_all")).click()
    await expect(page.locator(".reason")).to_have_count(0)
    await page.locator("nav.wide-menu").get_by_text(say("nav_menu"), exact=True).click()
    await page.get_by_role("button", name=say("menu_push")).click()
    await expect(page.locator("[role=status]")).to_contain_text(
        Catalogue(language).text("console.menu_pushed", channel="hr")
    )


async def change_the_model(page: Page, root: str, language: Language, address: str) -> None:
    await page.goto(f"{root}/models?lang={language}")
    await follow(page, "a[href*='/models/default/edit']")
    for field, text in (("model", "other-model"), ("base_url", address)):
        await reach(page, f"input[name={field}]")
        await page.keyboard.press("Control+A")
        await page.keyboard.type(text)
    await follow(page, "form button.primary")
    await expect(page.locator("[role=status]").first).to_contain_text("default")


async def push_and_forget(page: Page, root: str, language: Language) -> None:
    await page.goto(f"{root}/menu?lang={language}")
    await follow(page, "main form button")
    await expect(page.locator("[role=status]")).to_contain_text("hr")
    await page.goto(f"{root}/people/wecom/wangwu/forget?lang={language}")
    await reach(page, "input[name=user]")
    await page.keyboard.type("wangwu")
    await follow(page, "button.danger")
    await expect(page.locator("main [role=status]")).to_contain_text("1")


async def make_copy_rename_release_and_delete(page: Page, root: str, language: Language) -> None:
    await page.goto(f"{root}/chains?lang={language}")
    for words, name in ((None, "hr"), ("chains_copy", "pay"), ("chains_rename", "payroll")):
        await _unfold(page, Catalogue(language).text(f"console.{words or 'chains_new'}"))
        await reach(page, "details[open] input[name=name]")
        await page.keyboard.type(name)
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_contain_text(name)
    await follow(page, "form[action*='/discard'] button")
    await expect(page.locator(".chain-list")).to_be_visible()
    await expect(page.locator(".chain-name", has_text="payroll")).to_have_count(0)
    # The first is released, and what was released deleted.
    await page.goto(f"{root}/chains/hr?lang={language}")
    await _unfold(page, Catalogue(language).text("console.chains_release"))
    await follow(page, "#publish")
    await expect(page.locator(".chain-notice.good")).to_be_visible()
    await page.goto(f"{root}/chains/hr?lang={language}")
    await _unfold(page, Catalogue(language).text("console.chains_delete"))
    await follow(page, "form[action*='/delete'] button")
    await expect(page.locator(".chain-list")).to_be_visible()
    await expect(page.locator(".chain-name", has_text="hr")).to_have_count(0)


async def _unfold(page: Page, words: str) -> None:
    """Reach what folds and open it; which one has the focus is told by its words."""
    for _ in range(120):
        await page.keyboard.press("Tab")
        if words == await page.evaluate(FOLD):
            await page.keyboard.press("Enter")
            return
    pytest.fail(f"Tab does not reach {words} on {page.url}")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_an_operator_does_what_the_pages_offer_by_mouse_and_without_one(
    tmp_path: Path, browser_page: Page, language: Language
) -> None:
    page, other = browser_page, OpenAIServer(otherwise=lambda _: Says("from the other"))
    async with WeComSimulator([HR]) as wecom, OpenAIServer() as model, other:
        environ = credentials(HR, wecom.url, channel="hr", path="/hr") | {"WEBOT_CHAT__LANGUAGE": language}
        (tmp_path / "settings.local.toml").write_text(
            f'[models.default]\nmodel = "m"\nbase_url = "{model.base_url}"\napi_key = "k"\nmax_retries = 0\n'
        )
        async with running_service(tmp_path, environ) as service:
            database, root = service.service.database, f"{service.console.base_url}/console"
            await add_account(database, "ann", Role.OPERATOR, PASSWORD, by="root@host")
            for words in ("one", "two", "three"):
                await service.phone("lisi").say(words)
            await service.phone("lisi").texts(count=3)
            await said_by(database, "年假怎么算？", "五天。", person=Person("wecom", "wangwu"))
            await sign_in_and_read(page, root, language)
            await fail_all(database)
            await examine_retry_and_push_by_mouse(page, root, language)
            await fail_all(database)
            await examine_and_retry(page, root, language)
            await change_the_model(page, root, language, other.base_url)
            await service.phone("zhao").say("who?")
            answers = await service.phone("zhao").texts(count=1)
            await push_and_forget(page, root, language)
            await make_copy_rename_release_and_delete(page, root, language)
            done = {deed.action for deed in await deeds(database) if deed.who == "console:ann"}

    assert ["from the other"] == answers
    assert {"retry", "menu_push", "model_edit", "forget", "chain_draft", "chain_release"} <= done
