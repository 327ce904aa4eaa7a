"""The chains' pages in a real Chromium, as a prompt engineer uses them."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.service import RunningService
from tests.web.console.test_pages import service

__all__ = ("service",)

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


async def test_what_is_changed_elsewhere_shows_without_losing_what_is_typed_and_the_editor_offers_what_there_is(
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

    # The editor lists what there is for a prompt, a model and tools.
    for begun, offered in (('system_prompt = "{{ ', "user"), ('model = "', "default"), ('tools = ["', "current_time")):
        await write(page, begun)
        await page.keyboard.press("Control+Space")
        await expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text(offered)
        await page.keyboard.press("Escape")
