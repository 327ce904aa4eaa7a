"""An operator sees a turn that failed, with the reason and the way out, and runs it again."""

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from pipeline.text.i18n import Catalogue, Language
from tests.fakes.openai_server import OpenAIServer, Says
from tests.service import running_service
from tests.web.commands.test_turns import fail_once

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_failed_turn_is_seen_understood_and_run_again(
    tmp_path: Path, browser_page: Page, language: Language
) -> None:
    page, say = browser_page, partial(lambda words, key: words.text(f"console.{key}"), Catalogue(language))
    async with OpenAIServer() as model:
        environ = model.environ()
        async with running_service(tmp_path, environ) as service:
            await fail_once(service, model)
            await page.goto(f"{service.console.base_url}/console?lang={language}")
            await page.locator("nav.wide-menu").get_by_text(say("nav_turns"), exact=True).click()
            await expect(page.locator(".reason")).to_contain_text("HTTP 500")
            await expect(page.locator(".reason")).to_contain_text(say("turns_remedy_model"))
            model.script(Says("Now it works."))
            await page.get_by_role("button", name=Catalogue(language).text("console.turns_retry_one", id=1)).click()
            said = await service.phone().texts(count=2)
            await expect(page.locator("main")).to_contain_text(say("turns_none_failed"))

    assert "Now it works." == said[-1]
