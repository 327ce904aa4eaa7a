"""Every page in Chromium at 390 px, with hostile words wherever words are: nothing runs, all fits and reads."""

from itertools import cycle
from pathlib import Path

import pytest
from playwright.async_api import Browser, CDPSession, Page, Request

from pipeline.events import Person
from storage.accounts.tokens import create_token
from storage.accounts.users import add_user
from storage.conversations.audit import record
from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.storage.search.saying import BY, say
from tests.web.console.every_page import LANGUAGES, MAY_BE_REPLAYED, in_language, page_addresses, replay_once
from tests.web.console.phone_tables import phone_findings
from tests.web.console.test_pages import HOSTILE
from web.security.account_lookup import COOKIE
from web.security.role_names import Role

MOST_BYTES = 300_000
"""Of everything a page loads the first time, as it goes over the wire."""
WIDTH = 390
TRICKS = "\u202eelif\u2066\x1b[2J\x07\u200b{{ 7 * 7 }}"
NAME = f"{HOSTILE}{TRICKS}{'W' * 300}"
LINE = "W" * 1_000_000
MARKDOWN = f"""# {NAME}

[click](javascript:document.title='taken') <a href="javascript:document.title='taken'">{NAME}</a>
![picture](x" onerror="document.title='taken')

| {NAME} | {"W" * 5000} |
|---|---|
| <svg onload="document.title='taken'"> | `{NAME}` |

```html
{NAME}
```
"""
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
REACH = """() => {
  const width = document.documentElement.scrollWidth;
  const isClipped = (each) => each && (getComputedStyle(each).overflowX !== "visible" || isClipped(each.parentElement));
  const isPast = (each) => each.getBoundingClientRect().right > innerWidth && !isClipped(each.parentElement);
  const past = [...document.querySelectorAll("body *")].filter(isPast);
  const named = (each) => `${each.tagName.toLowerCase()}.${each.className}`;
  return [width, past.slice(0, 3).map(named).join(" ")];
}"""
SHOWN = """(trick) => {
  const shows = (each) => each.textContent.includes(trick);
  return [...document.querySelectorAll("body *")].filter(shows).pop()?.outerHTML.slice(0, 80);
}"""


async def fill(service: RunningService, model: OpenAIServer) -> None:
    """Put hostile words into all that pages show: said in the chat, and as someone with the database may write."""
    phone = service.phone()
    model.script(Says(MARKDOWN, model=NAME))
    await phone.say(f"{HOSTILE}{TRICKS}")
    await phone.texts(count=1)
    model.script(Fails(500, message=NAME))
    await phone.say(f"again {HOSTILE}")
    await phone.texts(count=2)
    await phone.send_file(b"%PDF-1.4 ", f"{HOSTILE}{TRICKS}.pdf".replace("/", "-"))
    database = service.service.database
    by = BY.__class__(NAME, NAME, NAME, input_tokens=3, output_tokens=4, cost=5)
    await say(database, NAME, f"{MARKDOWN}\n{LINE}", person=Person("wecom", NAME), by=by)
    assert await add_user(database, NAME, Role.OPERATOR, "no hash")
    assert await create_token(database, NAME, Role.READER, days=1, by=NAME)
    await record(database, "read", NAME, {"person": NAME, "out": LINE}, conversations=1, messages=1)
    console = service.console
    console.headers["Cookie"] = f"{COOKIE}={await service.service.accounts.begin(NAME, Role.OPERATOR)}"
    quoted = f"{HOSTILE}{'W' * 300}".replace('"', "'")
    case = f'[[cases]]\ninput = "{quoted}"\ncontains = ["{quoted}"]\n'
    text = f'description = "{quoted}"\nsystem_prompt = "{quoted}{"W" * 20_000}"\n\n{case}'
    written = await console.put("/api/v1/chains/default/draft", json={"text": text}, headers={"If-None-Match": "*"})
    assert written.is_success, written.text
    published = await console.post("/api/v1/chains/default/publish", json={"note": f"{HOSTILE}{'W' * 100}"})
    assert published.is_success, published.text
    assert (await console.post("/console/exports", data={"format": "jsonl", "user": NAME[:190]})).status_code == 303


class Load:
    """What a page loads: how many bytes, and what it should not have asked for."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.begin()
        session.on("Network.loadingFinished", self._count)
        page.on("request", self._look)
        page.on("pageerror", lambda error: self.strange.append(str(error)))

    def begin(self) -> None:
        """Forget what was loaded before: the next page is another."""
        self.bytes = 0
        self.strange: list[str] = []

    def _count(self, event: dict[str, float]) -> None:
        self.bytes += int(event["encodedDataLength"])

    def _look(self, request: Request) -> None:
        if request.url.endswith(("/x", "javascript:")) or "taken" in request.url:
            self.strange.append(request.url)


async def look_at(page: Page, load: Load, address: str) -> list[str]:
    """Open a page, and everything folded on it; give what is wrong."""
    load.begin()
    answer = await page.goto(address)
    assert answer is not None
    wrong = [] if answer.status == 200 else [f"answered {answer.status}"]
    for folds in ("", "with open folds"):
        width, past = await page.evaluate(REACH)
        wrong += [f"is {width} px wide {folds}: {past}"] if width > WIDTH else []
        wrong += [] if folds else await phone_findings(page)
    wrong += [f"is {load.bytes} bytes"] if load.bytes > MOST_BYTES else []
    wrong += [f"weighs nothing: {load.bytes}"] if load.bytes < 1000 else []
    wrong += [f"ran something: {each}" for each in (*load.strange, *await page.evaluate("violations"))]
    wrong += ["ran a script"] if "taken" == await page.title() else []
    for trick in "\u202e\u2066\x1b\x07":
        where = await page.evaluate(SHOWN, trick)
        wrong += [f"shows {trick!r} in {where}"] if where is not None else []
    return wrong


@pytest.mark.asyncio(loop_scope="session")
async def test_hostile_words_run_nowhere_and_no_page_is_wide_or_heavy(tmp_path: Path, browser: Browser) -> None:
    async with OpenAIServer() as model:
        environ = model.environ(f"{HOSTILE}{'W' * 200}")
        async with running_service(tmp_path, environ | MAY_BE_REPLAYED) as service:
            await fill(service, model)
            context = await browser.new_context(viewport={"width": WIDTH, "height": 844}, locale="en")
            await context.set_extra_http_headers({"Cookie": service.console.headers["Cookie"]})
            await context.add_init_script(WATCH)
            context.set_default_timeout(60_000)
            page = await context.new_page()
            session = await context.new_cdp_session(page)
            await session.send("Network.enable")
            await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
            load = Load(page, session)
            wrong = {}
            addresses = [*page_addresses(service, replay=await replay_once(service)), "/console/conversations/2"]
            for address, language in zip(addresses, cycle(reversed(LANGUAGES)), strict=False):
                found = await look_at(page, load, f"{service.console.base_url}{in_language(address, language)}")
                if found:
                    wrong[address] = found
            await context.close()

    assert len(addresses) > 25
    assert {} == wrong, "\n".join(f"{address}: {'; '.join(found)}" for address, found in wrong.items())
