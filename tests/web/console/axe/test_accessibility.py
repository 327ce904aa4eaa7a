"""Every page of the console, examined by axe-core: light and dark, wide and narrow, nothing serious or critical."""

import asyncio
import hashlib
import tomllib
from collections.abc import AsyncIterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from exports.records import Transcript
from exports.writers.html import write
from exports.writers.image_files import ImageFolder
from pipeline.text.i18n import Catalogue
from tests.exports.samples import REPORT, message, talk
from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.console.every_page import page_addresses, replay_once
from tests.web.console.test_pages import REPLIES

Scheme = Literal["light", "dark"]
VARIANTS: tuple[tuple[str, tuple[Scheme, Scheme]], ...] = (("zh", ("light", "dark")), ("en", ("dark", "light")))
FOLDER = Path(__file__).parent
AXE = (FOLDER / "axe.min.js").read_text(encoding="utf-8")
COLOURS = ["color-contrast", "link-in-text-block"]
OPEN_FOLDS = "for (const fold of document.querySelectorAll('details')) fold.open = true;"
SHOW_DIALOG = """number => {
  const dialogs = [...document.querySelectorAll("dialog")];
  for (const each of dialogs) each.close();
  dialogs[number]?.showModal();
  return number < dialogs.length;
}"""
ANSWER = f"""# Leave

> On [page 12](https://a.invalid) of `rules`.

| {"| ".join(["a long heading"] * 9)} |
|{"---|" * 9}
| {"| ".join(["cell"] * 9)} |

```python
print("{"so on, " * 30}")  # and on
```
"""
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


def environ_of(model: OpenAIServer) -> dict[str, str]:
    """Return the settings under which a model answers and may be asked people's questions again."""
    return {
        "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
        "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
        "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
        "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
        "WEBOT_REPLAY__USERS": '["*"]',
    }


async def fill(service: RunningService, model: OpenAIServer) -> None:
    """Leave something to read on the pages: an answer, a turn that failed, a release, a fault in force."""
    phone = service.phone()
    model.script(Says(ANSWER))
    await phone.say("where?")
    await phone.texts(count=1)
    model.script(Fails(500))
    await phone.say("and now?")
    await phone.texts(count=2)
    cases = "".join(f'\n[[cases]]\ninput = "holiday?"\ncontains = ["{word}"]\n' for word in ("holiday", "salary"))
    draft = {"text": f'description = "chat"\nsystem_prompt = "Be brief."\n{cases}'}
    written = await service.console.put("/api/v1/chains/default/draft", json=draft, headers={"If-None-Match": "*"})
    assert written.is_success
    assert (await service.console.post("/api/v1/chains/default/publish", json={})).is_success
    fault = {"fault": "rate_limited", "calls": "3"}
    assert (await service.console.post("/console/faults", data=fault)).is_success


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
async def test_no_page_has_a_serious_violation(tmp_path: Path, browser: Browser) -> None:
    async with OpenAIServer() as model, running_service(tmp_path, environ_of(model)) as service:
        await fill(service, model)
        # The pages' own policy lets no script of others in.
        context = await browser.new_context(bypass_csp=True)
        await context.add_init_script(AXE)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        found, unread = [], []
        addresses = page_addresses(service, replay=await replay_once(service))
        for path, (language, schemes) in zip(addresses, cycle(VARIANTS), strict=False):
            await page.set_viewport_size({"width": 1440, "height": 844})
            answer = await page.goto(f"{service.console.base_url}{path}{'&' if '?' in path else '?'}lang={language}")
            if answer is None or not answer.ok:
                unread.append(path)
            if path == "/console":
                await expect(page.locator(REPLIES)).to_have_count(2)
                await expect(page.locator(".in-force li")).to_be_visible()
            found += await findings(page, schemes)
            async for _ in act(page, path):
                found += await findings(page, schemes)
        said = (message(1, "human", "where?"), message(1, "ai", f"{REPORT}\n\n{ANSWER}"))
        file = tmp_path / "exported.html"
        # Beside the event loop: what reads formulas is loaded with the first one.
        await asyncio.to_thread(export_to, file, Transcript(talk(), said))
        await page.goto(file.as_uri())
        found += await findings(page, ("light", "dark"))
        reached = [await page.locator(f"[tabindex='0'][aria-label={kind}]").count() for kind in ("表格", "代码")]
        await context.close()

    assert [] == unread
    assert [2, 2] == reached
    assert [] == found, "\n".join(found)
