"""The chains' pages in a real Chromium, as a prompt engineer uses them."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.service import RunningService
from tests.web.console.test_pages import HOSTILE, browser_page, service

__all__ = ("browser_page", "service")

TEXT = """
description = "{about}"
command = "@hr"
system_prompt = "{prompt}"

[[cases]]
input = "holiday"
contains = ["holiday"]

[[cases]]
input = "salary"
contains = ["not said by anybody"]
"""


async def write(page: Page, text: str) -> None:
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+A")
    await page.keyboard.insert_text(text)


async def test_a_chain_is_written_corrected_tried_tested_released_and_rolled_back(
    service: RunningService, browser_page: Page
) -> None:
    page, base = browser_page, service.console.base_url
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(f"{base}/console/chains?lang=en")
    await page.get_by_text("New chain").click()
    await page.locator("form[action^='/console/chains'] input[name=name]").fill("hr")
    await page.get_by_role("button", name="Make it").click()
    await write(page, TEXT.format(about=HOSTILE.replace('"', "'"), prompt="You are HR.") + "modle = 'x'")
    await expect(page.locator("#problems .error")).to_contain_text("no such key")
    await expect(page.locator("#problems button")).to_have_text("Line 13")

    await write(page, TEXT.format(about=HOSTILE.replace('"', "'"), prompt="You are HR."))
    await expect(page.locator("#problems .fine")).to_be_visible()
    await page.locator("#question").fill("holiday?")
    await page.get_by_role("button", name="Ask", exact=True).click()
    await expect(page.locator("#answer")).to_contain_text("holiday?")
    await expect(page.locator("#facts")).to_contain_text("tokens")
    await expect(page.locator("#sent")).to_contain_text("You are HR.", use_inner_text=False)
    await page.locator("#run").click()
    await expect(page.locator("#sum")).to_have_text("1 of 2 pass")
    await expect(page.locator("#cases .failed")).to_contain_text("does not contain 'not said by anybody'")

    await page.keyboard.press("Tab")
    await page.get_by_role("button", name="Save the draft").click()
    await expect(page.locator("#state")).to_have_text("Saved")
    await page.locator("summary", has_text="Release").click()
    await page.locator("input[value=share]").check()
    await page.locator("#release button").click()
    await expect(page.locator(".chain-notice.good")).to_contain_text("10 %")

    await page.goto(f"{base}/console/chains/hr?lang=en&question=%3C/textarea%3E%E4%BD%A0%E5%A5%BD")
    await expect(page.locator("#question")).to_have_value("</textarea>你好")
    await page.locator("summary", has_text="Release").click()
    await page.locator("#release button").click()
    await expect(page.locator(".chain-notice.good")).to_contain_text("everybody")

    await page.goto(f"{base}/console/chains/hr?lang=en")
    await write(page, TEXT.format(about="better", prompt="You are kind."))
    async with page.expect_navigation():
        await page.get_by_role("button", name="Save the draft").click()
    await page.locator("summary", has_text="Release").click()
    await page.locator("#release button").click()
    await expect(page.locator(".chain-notice.good")).to_be_visible()
    await page.get_by_role("button", name="Make this answer again").first.click()
    await expect(page.locator(".chain-notice.good")).to_be_visible()
    await expect(page.locator(".chain-list li").first).to_contain_text("rollback to")
    await page.goto(f"{base}/console/chains?lang=en")

    await expect(page.locator(".chain-list")).to_contain_text("<script>")
    assert "taken" != await page.title()


async def test_what_is_changed_elsewhere_shows_without_losing_what_is_typed(
    service: RunningService, browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    file = tmp_path / "data" / "chains" / "drafts" / "hr.toml"
    made = await service.console.put("/api/v1/chains/hr/draft", json={"text": "# one"}, headers={"If-None-Match": "*"})
    assert 200 == made.status_code
    await page.goto(f"{service.console.base_url}/console/chains/hr")
    await expect(page.locator(".cm-content")).to_contain_text("# one")
    file.write_text("# two", encoding="utf-8")
    await expect(page.locator(".cm-content")).to_contain_text("# two")

    await write(page, "# mine")
    file.write_text("# three", encoding="utf-8")
    await expect(page.locator("#elsewhere")).to_be_visible()
    await expect(page.locator(".cm-content")).to_contain_text("# mine")
    await page.locator("#save").click()
    await expect(page.locator("#state")).to_contain_text("什么都没有覆盖")
    assert "# three" == file.read_text(encoding="utf-8")

    await page.locator("#keep").click()
    await page.locator("#save").click()
    await expect(page.locator("#state")).to_have_text("已保存")
    assert "# mine" == file.read_text(encoding="utf-8")
