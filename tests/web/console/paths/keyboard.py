"""What a person does who has no mouse: Tab until it is reached, then Enter."""

import pytest
from playwright.async_api import Page

_MOST_STOPS = 120


async def reach(page: Page, selector: str) -> None:
    """Press Tab until an element of a selector has the focus; what is no menu is reached by the link to the content."""
    if not selector.startswith("nav") and await page.evaluate("document.activeElement === document.body"):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.matches('a[href=\"#content\"]')"):
            await page.keyboard.press("Enter")
    for _ in range(_MOST_STOPS):
        await page.keyboard.press("Tab")
        if await page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    pytest.fail(f"Tab does not reach {selector} on {page.url}")


async def follow(page: Page, selector: str, *, key: str = "Enter") -> None:
    """Reach what leads to another page, and go there."""
    await reach(page, selector)
    async with page.expect_navigation():
        await page.keyboard.press(key)
