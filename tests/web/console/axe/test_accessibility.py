"""Every page of the console: for axe-core, light and dark, wide and narrow; without a script; by Tab."""

import asyncio
import hashlib
import re
import tomllib
from collections.abc import AsyncIterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from exports.records import Transcript
from exports.writers.html import write
from exports.writers.image_files import ImageFolder
from pipeline.text.i18n import Catalogue
from tests.exports.samples import REPORT, message, talk
from tests.fakes.openai_server import OpenAIServer
from tests.service import RunningService, running_service
from tests.web.console.every_page import (
    ANSWER,
    LANGUAGES,
    MAY_BE_REPLAYED,
    fill,
    in_language,
    page_addresses,
    replay_once,
)
from tests.web.console.phone_tables import OPEN_FOLDS, has_table, phone_findings
from tests.web.console.test_pages import REPLIES
from web.console.navigation import NAVIGATION

Scheme = Literal["light", "dark"]
SCHEMES: tuple[tuple[Scheme, Scheme], ...] = (("light", "dark"), ("dark", "light"))
FOLDER = Path(__file__).parent
AXE = (FOLDER / "axe.min.js").read_text(encoding="utf-8")
COLOURS = ["color-contrast", "link-in-text-block"]
FEW_OPERATIONS = """() => {
  for (const kind of ["details.operation:not([id^=schema-])", "details[id^=schema-]"])
    for (const each of [...document.querySelectorAll(kind)].slice(8)) each.remove();
}"""
"""One loop makes all operations and one all schemas; axe takes as long for them as for all other pages together."""
MATCHED = "(wanted) => wanted.filter((each) => document.activeElement.matches(each))"
READ = """() => {
  const words = (each) => each ? each.innerText.split(/\\s+/).filter(Boolean).length : 0;
  const heading = document.querySelector("main h1, h1");
  return [words(document.body), words(document.querySelector("main")), Boolean(heading && heading.checkVisibility())];
}"""
MAIN_ACTIONS = {
    "chat": "#text",
    "chains": "main .chain-drop > summary",
    "conversations": "main form input[name], main form button",
    "doctor": "main form button",
}
"""What Tab must reach, besides the navigation, on a page where something is done or looked for."""
SHOW_DIALOG = """number => {
  const dialogs = [...document.querySelectorAll("dialog")];
  for (const each of dialogs) each.close();
  dialogs[number]?.showModal();
  return number < dialogs.length;
}"""
EXAMINE = """async (rules) => {
  const options = { preload: false, resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const { violations } = await axe.run(document, options);
  const said = ({ target, any }) => `${target} ${any.map(({ message }) => message)}`;
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(said).join("; ")}`);
}"""


def test_axe_is_the_file_that_is_listed_and_its_licence_is_there() -> None:
    (listed,) = tomllib.loads((FOLDER / "vendored.toml").read_text(encoding="utf-8"))["file"]

    assert "axe.min.js" == listed["path"]
    assert listed["sha256"] == hashlib.sha256(AXE.encode()).hexdigest()
    assert AXE.startswith(f"/*! axe v{listed['version']}\n")
    assert "Mozilla Public License" in (FOLDER / listed["licence_file"]).read_text(encoding="utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[RunningService, list[str]]]:
    """A service with something on each page, and the addresses of all of them."""
    folder = tmp_path_factory.mktemp("filled")
    async with OpenAIServer() as model, running_service(folder, model.environ() | MAY_BE_REPLAYED) as service:
        await fill(service, model)
        yield service, page_addresses(service, replay=await replay_once(service))


def export_to(file: Path, transcript: Transcript) -> None:
    """Write an exported page."""
    file.write_text("".join(write([transcript], Catalogue("zh"), ImageFolder(file.parent))), "utf-8")


async def findings(page: Page, schemes: Sequence[Scheme]) -> list[str]:
    """Return what axe has against the page that is open: all rules, then with every fold open, in both schemes."""
    first, second = schemes
    found = []
    for width, scheme, rules in ((1440, first, None), (1440, second, COLOURS), (390, second, None)):
        await page.set_viewport_size({"width": width, "height": 844})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{page.url}, {width}, {scheme}: {each}" for each in await page.evaluate(EXAMINE, rules)]
        await page.evaluate(OPEN_FOLDS)
    return found


async def exported_findings(page: Page, folder: Path) -> tuple[list[str], list[int]]:
    """Return what axe has against an exported page, and how many tables and lines of code a keyboard scrolls."""
    said = (message(1, "human", "where?"), message(1, "ai", f"{REPORT}\n\n{ANSWER}"))
    file = folder / "exported.html"
    # Beside the event loop: what reads formulas is loaded with the first one.
    await asyncio.to_thread(export_to, file, Transcript(talk(), said))
    await page.goto(file.as_uri())
    found = await findings(page, ("light", "dark"))
    return found, [await page.locator(f"[tabindex='0'][aria-label={kind}]").count() for kind in ("表格", "代码")]


async def act(page: Page, path: str) -> AsyncIterator[None]:
    """Do what a page is for, and stop wherever there is more to examine than the page had at first."""
    if path == "/console":
        number = 0
        while await page.evaluate(SHOW_DIALOG, number):
            yield
            number += 1
        await page.locator("#stream .theirs .inspect").first.click()
        await expect(page.locator("#drawer .trace-steps li").first).to_be_visible()
        yield
    if path == "/console/chains/default":
        await page.locator("#question").fill("holiday?")
        await page.locator("#try button").click()
        await expect(page.locator("#facts")).to_contain_text("token")
        await page.locator("#run").click()
        await expect(page.locator("#cases .passed, #cases .failed")).to_have_count(2)
        yield


@pytest.mark.asyncio(loop_scope="session")
async def test_no_page_has_a_serious_violation_and_on_a_phone_every_table_reads(
    filled: tuple[RunningService, list[str]], browser: Browser, tmp_path: Path
) -> None:
    service, addresses = filled
    # The pages' own policy lets no script of others in.
    context = await browser.new_context(bypass_csp=True)
    await context.add_init_script(AXE)
    page = await context.new_page()
    page.set_default_timeout(60_000)
    found, unread, with_table = [], [], set()
    for path, language, schemes in zip(addresses, cycle(LANGUAGES), cycle(SCHEMES), strict=False):
        await page.set_viewport_size({"width": 1440, "height": 844})
        answer = await page.goto(f"{service.console.base_url}{in_language(path, language)}")
        if answer is None or not answer.ok:
            unread.append(path)
        if path == "/console":
            await expect(page.locator(REPLIES)).to_have_count(2)
            await expect(page.locator(".in-force li")).to_be_visible()
        if path == "/console/usage":
            await expect(page.locator("#chart canvas")).to_have_count(7)
        if path == "/api/v1/docs":
            await page.evaluate(FEW_OPERATIONS)
        found += await findings(page, schemes)
        found += [f"{page.url} on a phone: {each}" for each in await phone_findings(page)]
        if await has_table(page):
            with_table.add(path)
        async for _ in act(page, path):
            found += await findings(page, schemes)
    of_exported, reached = await exported_findings(page, tmp_path)
    found += of_exported
    await context.close()

    assert [] == unread
    assert [2, 2] == reached
    assert [] == found, "\n".join(found)
    assert {
        "/api/v1/docs",
        "/console/audit",
        "/console/chains/default/replay/{replay}",
        "/console/settings",
        "/console/turns",
        "/console/turns/2",
        "/console/usage",
        "/console/users",
    } <= {re.sub(r"replay/\w+", "replay/{replay}", each) for each in with_table}


async def _unreached(page: Page, wanted: Sequence[str]) -> set[str]:
    """Press Tab from the top of the page, and return the selectors to which it does not come."""
    missing = set(wanted)
    for _ in range(60):
        await page.keyboard.press("Tab")
        missing -= set(await page.evaluate(MATCHED, sorted(missing)))
        if not missing:
            break
    return missing


@pytest.mark.asyncio(loop_scope="session")
async def test_every_page_reads_without_script_and_the_keyboard_reaches_what_it_offers(
    filled: tuple[RunningService, list[str]], browser: Browser
) -> None:
    service, addresses = filled
    entries = {f"/console{entry.path}": entry.key for entry in NAVIGATION}
    page = await browser.new_page(locale="en", java_script_enabled=False)
    page.set_default_timeout(60_000)
    unread, unreached = [], []
    for address in addresses:
        answer = await page.goto(f"{service.console.base_url}{in_language(address, 'en')}")
        assert answer is not None
        body, words, heading = await page.evaluate(READ)
        key = entries.pop(address, None)
        if answer.status != 200 or body < 20 or not heading or (key and words < 5):
            unread.append((address, answer.status, body, words, heading))
        if key:
            wanted = ("nav a[href]", MAIN_ACTIONS.get(key, "nav a[href]"))
            unreached += [(key, each) for each in await _unreached(page, wanted)]
        if key == "chat":
            await expect(page.locator("main noscript p")).to_be_visible()
    await page.context.close()

    assert [] == unread
    assert [] == unreached
    assert {} == entries
