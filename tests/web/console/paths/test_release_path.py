"""What is released is what stands in the editor, saved or not; with a script and without, nothing goes out unseen."""

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from pipeline.text.i18n import Catalogue, Language
from tests.service import RunningService, running_service
from tests.web.console.paths.test_chain_upkeep_path import unfold
from tests.web.console.test_chains_page import write

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = 'description = "{0}"\nsystem_prompt = "{0}"\n'
DRAFT = "/api/v1/chains/hr/draft"


async def begin(service: RunningService, page: Page, language: Language) -> None:
    """Save a draft, and open its editor."""
    put = await service.console.put(DRAFT, json={"text": TEXT.format("saved")}, headers={"If-None-Match": "*"})
    assert put.is_success
    await page.goto(f"{service.console.base_url}/console/chains/hr?lang={language}")


async def type_in(page: Page, text: str, *, script: bool) -> None:
    """Write into the editor, or into what stands for it where no script runs."""
    if script:
        await write(page, text)
    else:
        await page.locator("#text").fill(text)


async def release(page: Page, words: str) -> None:
    """Press the button of the release, and unfold it where it is folded."""
    if not await page.locator("#publish").is_visible():
        await unfold(page, words)
    await page.locator("#publish").click()


async def live_and_draft(service: RunningService) -> tuple[bool, str]:
    """Return whether the chain was released, and what its draft says."""
    chain = (await service.console.get("/api/v1/chains/hr")).json()
    return bool(chain["revision"]), str((await service.console.get(DRAFT)).json()["text"])


@pytest.mark.parametrize(
    ("language", "script"), [("zh", True), ("en", False)], ids=["with a script", "without a script"]
)
async def test_the_release_saves_and_checks_what_stands_in_the_editor_and_overwrites_nothing(
    tmp_path: Path, browser: Browser, language: Language, *, script: bool
) -> None:
    say = partial(Catalogue(language).text)
    page = await browser.new_page(java_script_enabled=script)
    page.set_default_timeout(60_000)
    async with running_service(tmp_path) as service:
        await begin(service, page, language)

        # A mistake: it is said, the draft is saved, nobody is answered by it.
        wrong = TEXT.format("wrong") + 'modle = "x"\n'
        await type_in(page, wrong, script=script)
        await release(page, say("console.chains_release"))
        notice = page.locator(".chain-notice.bad")
        await expect(notice).to_contain_text("modle")
        await expect(notice).to_contain_text(say("console.chains_saved_not_released", why="").strip())
        refused = await live_and_draft(service)

        # Nobody is named: what stands in the editor and in the form stays.
        good = TEXT.format("good")
        await type_in(page, good, script=script)
        await page.locator("#release input[value=people]").check()
        await page.locator("#release input[name=note]").fill("why")
        await release(page, say("console.chains_release"))
        await expect(notice).to_contain_text(say("chains.user_empty"))
        await expect(page.locator("#text")).to_have_value(good)
        await expect(page.locator("#release input[name=note]")).to_have_value("why")
        await expect(page.locator("#release input[value=people]")).to_be_checked()

        # Another's change beside it: refused, and nothing is overwritten.
        mine, theirs = TEXT.format("mine"), TEXT.format("theirs")
        await type_in(page, mine, script=script)
        (tmp_path / "data" / "chains" / "drafts" / "hr.toml").write_text(theirs, encoding="utf-8")
        await page.locator("#release input[value=all]").check()
        await release(page, say("console.chains_release"))
        where = "#release-wrong" if script else ".chain-notice.bad"
        await expect(page.locator(where)).to_contain_text(say("chains.draft_changed", name="hr"))
        await expect(page.locator("#text")).to_have_value(mine)
        overwritten = await live_and_draft(service)

        # Enter in a field of the release releases, as its button does.
        await page.goto(f"{service.console.base_url}/console/chains/hr?lang={language}")
        await type_in(page, good, script=script)
        await unfold(page, say("console.chains_release"))
        await page.locator("#release input[name=note]").fill("why")
        await page.locator("#release input[name=note]").press("Enter")
        await expect(page.locator(".chain-notice.good")).to_be_visible()
        await expect(page.locator("main")).to_contain_text("why")
        released = await live_and_draft(service)

        # To some people alone: the others go on with what is there.
        await begin(service, page, language)
        await type_in(page, TEXT.format("for some"), script=script)
        await unfold(page, say("console.chains_release"))
        await page.locator("#release input[value=people]").check()
        await page.locator("#release input[name=users]").fill("lisi, 王五")
        await page.locator("#publish").click()
        await expect(page.locator(".chain-notice.good")).to_contain_text("lisi")
    await page.context.close()

    assert (False, wrong) == refused
    assert (False, theirs) == overwritten
    assert (True, good) == released


async def test_a_share_without_a_number_is_nobody_and_never_everybody(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        put = await service.console.put(DRAFT, json={"text": TEXT.format("a")}, headers={"If-None-Match": "*"})
        mark = put.headers["ETag"].strip('"')
        answers = [
            await service.console.post(
                "/console/chains/hr/release", data={"whom": "share", "share": share, "etag": mark}
            )
            for share in ("", "0", "-1", "x", "101")
        ]
        released, _ = await live_and_draft(service)

    assert [422] * 5 == [answer.status_code for answer in answers]
    assert not released
