"""What is wrong with the tables of a page that is 390 px wide: single letters in a row, nothing sideways, headings."""

from playwright.async_api import Page

OPEN_FOLDS = "for (const fold of document.querySelectorAll('details')) fold.open = true;"
_NARROW = """() => [...document.querySelectorAll(".wide td, .wide th")]
  .filter((each) => each.innerText.trim().length > 3 && each.clientWidth && each.clientWidth < 70)
  .map((each) => `narrow: ${each.innerText}`.slice(0, 80))"""
_WIDER = """() => [...document.querySelectorAll(".wide, .chain-diff")]
  .filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => `scrolls sideways: ${each.className}`)"""
_UNHEADED = """() => [...document.querySelectorAll(".wide table:has(thead) tbody td")]
  .filter((each) => each.innerText.trim() && !each.dataset.label && !each.querySelector("button") && each.colSpan === 1)
  .map((each) => `no heading: ${each.innerText}`.slice(0, 80))"""
_TABLES = "() => [...document.querySelectorAll('.wide table')].filter((each) => each.clientWidth).length"


async def phone_findings(page: Page) -> list[str]:
    """Open every fold, and return what does not read."""
    await page.evaluate(OPEN_FOLDS)
    return [found for each in (_NARROW, _WIDER, _UNHEADED) for found in await page.evaluate(each)]


async def has_table(page: Page) -> bool:
    """Whether the page shows a table."""
    return bool(await page.evaluate(_TABLES))
