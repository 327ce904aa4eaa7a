"""An operator without a mouse: the doctor, failed turns, a person forgotten, a menu pushed, a model, a chain."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from pipeline.events import Person
from pipeline.text.i18n import Catalogue, Language
from storage.accounts.users import add_user
from storage.conversations.audit import deeds
from storage.database.tables import inbox
from tests.fakes.openai_server import OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.storage.search.saying import say as said_by
from tests.web.console.paths.keyboard import follow, reach
from tests.web.credentials import credentials
from web.security.account_lookup import COOKIE
from web.security.role_names import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLD = "() => document.activeElement.matches('summary') ? document.activeElement.innerText.trim() : ''"
HR = invent_app(agent_id=1000003, name="hr")


async def sign_in(service: RunningService, page: Page) -> None:
    """Give the page a session of an operator; that one signs in by keyboard is shown elsewhere."""
    assert await add_user(service.service.database, "ann", Role.OPERATOR, "no hash")
    secret = await service.service.accounts.begin("ann", Role.OPERATOR)
    await page.context.add_cookies([{"name": COOKIE, "value": secret, "url": str(service.console.base_url)}])


async def examine_and_retry(page: Page, root: str, language: Language) -> None:
    await page.goto(f"{root}/doctor?lang={language}")
    await reach(page, "main form button")
    await page.keyboard.press("Enter")
    await expect(page.locator("#findings li").first).to_be_visible()
    await page.goto(f"{root}/turns?lang={language}")
    await expect(page.locator(".reason")).to_have_count(2)
    await follow(page, "main form:has(input[value=all]) button")
    await expect(page.locator(".reason")).to_have_count(0)


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


async def make_copy_rename_and_delete(page: Page, root: str, language: Language) -> None:
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


async def _unfold(page: Page, words: str) -> None:
    """Reach what folds and open it; which one has the focus is told by its words."""
    for _ in range(120):
        await page.keyboard.press("Tab")
        if words == await page.evaluate(FOLD):
            await page.keyboard.press("Enter")
            return
    pytest.fail(f"Tab does not reach {words} on {page.url}")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_an_operator_without_a_mouse_does_what_the_pages_offer(
    tmp_path: Path, browser_page: Page, language: Language
) -> None:
    page, other = browser_page, OpenAIServer(otherwise=lambda _: Says("from the other"))
    async with WeComSimulator([HR]) as wecom, OpenAIServer() as model, other:
        environ = credentials(HR, wecom.url, channel="hr", path="/hr") | {
            "WEBOT_CHAT__LANGUAGE": language,
        }
        (tmp_path / "settings.local.toml").write_text(
            f'[models.default]\nmodel = "m"\nbase_url = "{model.base_url}"\napi_key = "k"\nmax_retries = 0\n'
        )
        async with running_service(tmp_path, environ) as service:
            await sign_in(service, page)
            database, root = service.service.database, f"{service.console.base_url}/console"
            for words in ("one", "two"):
                await service.phone("lisi").say(words)
            await service.phone("lisi").texts(count=2)
            await said_by(database, "年假怎么算？", "五天。", person=Person("wecom", "wangwu"))
            async with database.write() as connection:
                await connection.execute(inbox.update().values(state="failed"))
            await examine_and_retry(page, root, language)
            await change_the_model(page, root, language, other.base_url)
            await service.phone("zhao").say("who?")
            answers = await service.phone("zhao").texts(count=1)
            await push_and_forget(page, root, language)
            await make_copy_rename_and_delete(page, root, language)
            done = {deed.action for deed in await deeds(database) if deed.who == "console:ann"}

    assert ["from the other"] == answers
    assert {"retry", "model_edit", "menu_push", "forget", "chain_draft"} <= done
