"""One Chromium for all tests of the pages; what is expected of a page may come late on a busy machine."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.chromium import CHROMIUM, FLAGS

expect.set_options(timeout=60_000)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium of this test process's own: a start costs more than most of what is done with it."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser_page(browser: Browser) -> AsyncIterator[Page]:
    """A page with cookies and storage of its own, whose scripts must not fail."""
    failures: list[str] = []
    context = await browser.new_context(locale="zh-CN")
    page = await context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    await context.close()
    assert [] == failures
