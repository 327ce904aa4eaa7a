"""A web page of conversations in a browser: which way the words of each block run."""

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from exports.records import Transcript
from exports.writers.html import write
from exports.writers.image_files import ImageFolder
from pipeline.text.i18n import Catalogue
from tests.chromium import CHROMIUM, FLAGS
from tests.exports.samples import message, talk

HEBREW = "שלום, עולם!"
ANSWER = f"""# {HEBREW}

{HEBREW}

- {HEBREW}
- English: שלום!

> {HEBREW}

| א | {HEBREW} |
|---|---|
| 1 | {HEBREW} |

| 甲 | 乙 |
|---|---|
| 1 | {HEBREW} |

- אחת

  ```
  quick!
  ```
"""
_PLACES = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent.trimEnd(), begin = text.search(/\\S/);
    if (!text.endsWith("!")) continue;
    const at = (from) => { const range = new Range(); range.setStart(node, from); range.setEnd(node, from + 1);
      return range.getBoundingClientRect().left };
    found.push([text.trim(), at(begin), at(text.length - 1)]);
  }
  return found;
}"""
_MARKED = """() => [...document.querySelectorAll("ul, table")].map((each) => getComputedStyle(each).direction)"""


@pytest.mark.asyncio(loop_scope="session")
async def test_a_browser_ends_each_block_at_the_left_where_its_first_letter_is_hebrew(tmp_path: Path) -> None:
    said = (message(1, "human", HEBREW), message(1, "ai", ANSWER))
    page = tmp_path / "page.html"
    page.write_text("".join(write([Transcript(talk(title=HEBREW), said)], Catalogue("zh"), ImageFolder(tmp_path))))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = await browser.new_page(viewport={"width": 390, "height": 800})
        await tab.goto(page.as_uri())
        places = await tab.evaluate(_PLACES)
        directions = await tab.evaluate(_MARKED)
        await browser.close()
    hebrew = [(first, last) for text, first, last in places if text == HEBREW]
    (english,) = [(first, last) for text, first, last in places if text.startswith("English")]
    (code,) = [(first, last) for text, first, last in places if text == "quick!"]

    assert len(hebrew) == 9
    assert all(last < first for first, last in hebrew)
    assert english[0] < english[1]
    assert english[0] > 120
    assert code[0] < code[1]
    assert code[0] < 80
    assert ["rtl", "rtl", "ltr", "rtl"] == directions
