"""An operator finds a conversation by two characters, filters, exports it, downloads the file and opens it."""

import json
import zipfile
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from pipeline.text.i18n import Catalogue, Language
from tests.service import running_service

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "</textarea>请问年假有几天？"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_conversation_from_two_characters_to_the_file_opened(
    tmp_path: Path, browser_page: Page, language: Language
) -> None:
    page, say = browser_page, partial(lambda words, key: words.text(f"console.{key}"), Catalogue(language))
    async with running_service(tmp_path) as service:
        for user, words in (
            ("lisi", QUESTION),
            ("wangwu", "报销要什么材料？"),
            ("lisi", "打 13800138000 可以吗"),
        ):
            phone = service.phone(user)
            already = len([entry for entry in phone.entries() if entry.kind == "delivered"])
            await phone.say(words)
            await phone.texts(count=already + 1)
        await page.goto(f"{service.console.base_url}/console/conversations?lang={language}")
        await expect(page.locator(".exchange")).to_have_count(3)

        # By two characters.
        await page.locator("input[type=search]").fill("年假")
        await page.get_by_role("button", name=say("conversations_find"), exact=True).click()
        await expect(page.locator(".exchange")).to_have_count(1)
        await expect(page.locator(".exchange mark").first).to_have_text("年假")

        # By a filter instead.
        await page.locator("input[type=search]").fill("")
        await page.locator("summary", has_text=say("conversations_filters")).click()
        await page.locator(".filter-grid input[name=user]").fill("lisi")
        await page.get_by_role("button", name=say("conversations_find"), exact=True).click()
        await expect(page.locator(".exchange")).to_have_count(2)

        # Exported, downloaded, opened.
        await page.locator("summary", has_text=say("conversations_export")).click()
        await page.locator("select[name=format]").select_option("jsonl")
        await page.get_by_role("button", name=say("conversations_export_do")).click()
        async with page.expect_download() as waiting:
            await page.get_by_role("link", name=say("conversations_export_download")).click()
        downloaded = await waiting.value
        file = Path(await downloaded.path())
        with zipfile.ZipFile(file) as archive:
            text = archive.read("transcripts.jsonl").decode()

        # Read, with how the answer came about.
        await page.goto(f"{service.console.base_url}/console/conversations?lang={language}&words=年假")
        await page.locator(".exchange").click()
        await expect(page.locator(".transcript")).to_contain_text(QUESTION)
        await page.get_by_role("link", name=say("conversations_again")).first.click()
        await expect(page.locator("#question")).to_have_value(QUESTION)
        await page.go_back()
        await page.get_by_role("link", name=say("trace_title")).first.click()
        await expect(page.locator(".trace-steps li").first).to_contain_text(say("trace_step_accepted"))
        await page.go_back()

        # Forgotten, once the user id is typed as it is.
        await page.get_by_role("link", name=say("conversations_forget")).click()
        await page.locator("input[name=user]").fill("lis")
        await page.locator("button.danger").click()
        await expect(page.locator("main [role=alert]")).to_be_visible()
        await page.locator("input[name=user]").fill("lisi")
        await page.locator("button.danger").click()
        await expect(page.locator("main [role=status]")).to_contain_text("4")
        await page.goto(f"{service.console.base_url}/console/conversations?lang={language}")
        await expect(page.locator(".exchange")).to_have_count(1)

    assert "年假" in text
    assert "报销" not in text
    assert "13800138000" not in text
    assert all(json.loads(line) for line in text.splitlines())
