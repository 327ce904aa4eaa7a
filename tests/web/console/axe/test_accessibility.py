"""Every page of the console, examined by axe-core: light and dark, wide and narrow, nothing serious or critical."""

import hashlib
import tomllib
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.console.test_pages import REPLIES
from web.console.navigation import NAVIGATION

Scheme = Literal["light", "dark"]
VARIANTS: tuple[tuple[str, tuple[Scheme, Scheme]], ...] = (("zh", ("light", "dark")), ("en", ("dark", "light")))
FOLDER = Path(__file__).parent
AXE = (FOLDER / "axe.min.js").read_text(encoding="utf-8")
COLOURS = ["color-contrast", "link-in-text-block"]
PATHS = (
    *(f"/console{entry.path}" for entry in NAVIGATION),
    "/console/sign-in",
    "/console/chains/default",
    "/console/chains/default/history?old=shipped",
    "/console/chains/default/replay",
    "/console/conversations/1",
    "/console/conversations/1/trace/1",
    "/console/conversations/1/case/1",
    "/console/exports",
    "/console/people/wecom/zhangsan/forget",
    "/console/turns/2",
    "/console/models/new",
    "/console/models/default/edit",
)
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


async def fill(service: RunningService, model: OpenAIServer) -> None:
    """Leave something to read on the pages: an answer, a turn that failed, a release, a fault in force."""
    phone = service.phone()
    model.script(Says(ANSWER))
    await phone.say("where?")
    await phone.texts(count=1)
    model.script(Fails(500))
    await phone.say("and now?")
    await phone.texts(count=2)
    draft = {"text": 'description = "chat"\nsystem_prompt = "Be brief."\n'}
    written = await service.console.put("/api/v1/chains/default/draft", json=draft, headers={"If-None-Match": "*"})
    assert written.is_success
    assert (await service.console.post("/api/v1/chains/default/publish", json={})).is_success
    fault = {"fault": "rate_limited", "calls": "3"}
    assert (await service.console.post("/console/faults", data=fault)).is_success


async def findings(page: Page, schemes: Sequence[Scheme]) -> list[str]:
    """Return what axe has against the page that is open: all rules, and those about colours in both schemes."""
    first, second = schemes
    found = []
    for width, scheme, rules in ((1280, first, None), (1280, second, COLOURS), (390, second, None)):
        await page.set_viewport_size({"width": width, "height": 844})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{page.url}, {width}, {scheme}: {each}" for each in await page.evaluate(EXAMINE, rules)]
    return found


@pytest.mark.asyncio(loop_scope="session")
async def test_no_page_has_a_serious_violation(tmp_path: Path, browser: Browser) -> None:
    async with OpenAIServer() as model:
        environ = {
            "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
            "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
            "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
            "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
        }
        async with running_service(tmp_path, environ) as service:
            await fill(service, model)
            # The pages' own policy lets no script of others in.
            context = await browser.new_context(bypass_csp=True)
            await context.add_init_script(AXE)
            page = await context.new_page()
            page.set_default_timeout(60_000)
            found, unread = [], []
            for path, (language, schemes) in zip(PATHS, cycle(VARIANTS), strict=False):
                answer = await page.goto(
                    f"{service.console.base_url}{path}{'&' if '?' in path else '?'}lang={language}"
                )
                if answer is None or not answer.ok:
                    unread.append(path)
                if path == "/console":
                    await expect(page.locator(REPLIES)).to_have_count(2)
                    await expect(page.locator(".in-force li")).to_be_visible()
                found += await findings(page, schemes)
                if path == "/console":
                    await page.locator("#stream .theirs .inspect").first.click()
                    await expect(page.locator("#drawer .trace-steps li").first).to_be_visible()
                    found += await findings(page, schemes)
            await context.close()

    assert [] == unread
    assert [] == found, "\n".join(found)
