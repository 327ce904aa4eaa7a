"""The conversations' pages in a real Chromium: found, filtered, read; hostile words stay words."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import update

from pipeline.answer import Provenance, ToolUse
from pipeline.events import Person
from storage.conversations.audit import deeds
from storage.database.tables import messages
from storage.terms.index_builder import IndexBuilder
from tests.exports.conversing import converse
from tests.service import RunningService, running_service
from tests.storage.search.saying import NOON, rate, say
from tests.web.console.test_pages import HOSTILE, png

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVE = Person("wecom", "eve")
TRICKS = f"{HOSTILE}\u202eelif\x1b[2J\x07 [x](javascript:alert(1)) **b** " + "W" * 3000
SEARCHED = Provenance(
    "hr", "r7", "qwen-max", input_tokens=812, output_tokens=64, milliseconds=2345, cost=1234,
    tools=(ToolUse("search", '{"q": "<b>年假</b>"}', "timeout", 900),),
)  # fmt: skip


@asynccontextmanager
async def talkative_service(folder: Path) -> AsyncIterator[RunningService]:
    """Serve with conversations of several people, hostile words among them."""
    async with running_service(folder) as opened:
        database = opened.service.database
        await say(database, "年假怎么算？", "工作满一年有 5 天。", by=SEARCHED, at=NOON)
        await rate(database, good=False)
        await say(database, "年假能不能分开请", "可以。", person=Person("wecom", "王小明"), at=NOON)
        await say(database, TRICKS, TRICKS, person=EVE, group="<i>g</i>", at=NOON)
        shown = await opened.service.media.keep(png(300, 200), mime="image/png", name='"><b>.png')
        page = await opened.service.media.keep(b"<script>1</script>", mime="text/html", name="a.html")
        asked = [("这是什么图", "一张\n图" * 9000), *[("这是什么图", "一张图")] * 89]
        await converse(database, "zhang", asked, at=NOON, pictures=(shown, page), persona="你是<b>船长</b>")
        await IndexBuilder(database, pause=lambda _: 0.0).build()
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with talkative_service(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    """A service for requests that change nothing, started once for all of them."""
    async with talkative_service(tmp_path_factory.mktemp("shared")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def page(service: RunningService, browser_page: Page) -> Page:
    await browser_page.set_viewport_size({"width": 390, "height": 800})
    await browser_page.goto(f"{service.console.base_url}/console/conversations?user=eve")
    return browser_page


async def wide(page: Page) -> bool:
    """Whether anything stands out of the window."""
    return bool(await page.evaluate("document.documentElement.scrollWidth > innerWidth"))


async def test_a_conversation_is_found_by_two_characters_filtered_and_read(service: RunningService, page: Page) -> None:
    # What is hostile is shown as it was said, and does nothing.
    assert not await wide(page)
    await expect(page.locator(".question")).to_contain_text("<script>document.title")
    await expect(page.locator(".question")).to_contain_text("[U+202E]elif[U+001B][2J")
    await page.locator(".exchange").click()
    await expect(page.locator(".said").first).to_contain_text("<img src=x onerror=")
    await expect(page.locator(".about")).to_contain_text("<i>g</i>")
    assert "taken" != await page.title()
    assert not await wide(page)
    assert 0 == await page.locator(".said script, .said img, .said a, .said strong").count()

    await page.goto(f"{service.console.base_url}/console/conversations")
    await page.locator("input[name=words]").fill("年假")
    await page.keyboard.press("Enter")
    await expect(page.locator(".found-talk")).to_have_count(2)
    await expect(page.locator("mark").first).to_have_text("年假")
    await page.goto(f"{service.console.base_url}/console/conversations?words=年假")
    await page.get_by_text("筛选").click()
    await page.locator("select[name=rated]").select_option("bad")
    await page.locator("input[name=tool]").fill("search")
    await page.locator("input[name=failed]").check()
    await page.locator("form[role=search] button").click()
    await expect(page.locator(".found-talk")).to_have_count(1)
    await page.locator(".exchange").click()
    for said in ("hr @ r7", "qwen-max", "输入 812，输出 64", "0.0012 元", "超时", '{"q": "<b>年假</b>"}', "不满意"):
        await expect(page.locator("#t1")).to_contain_text(said)

    await page.get_by_role("link", name="做成用例").click()
    await expect(page.locator("textarea[name=question]")).to_have_value("年假怎么算？")
    await page.locator("select[name=chain]").select_option("default")
    await page.get_by_role("button", name="加到草稿").click()
    await expect(page.locator("[role=status]")).to_contain_text("default")
    done = [each.action for each in await deeds(service.service.database)]
    assert {"list", "read", "chain_draft"} == {*done}


async def test_a_long_conversation_is_read_in_parts_with_its_pictures(service: RunningService, page: Page) -> None:
    await page.goto(f"{service.console.base_url}/console/conversations?user=zhang&words=什么图")
    await expect(page.locator(".exchange")).to_have_count(50)
    await page.get_by_role("link", name="更早的").click()
    await expect(page.locator(".exchange")).to_have_count(40)
    await page.locator(".exchange").last.click()
    await expect(page.locator(".transcript > li")).to_have_count(40)
    await expect(page.locator(".about")).to_contain_text("你是<b>船长</b>")
    await expect(page.locator("#t1 .bubble").last).to_contain_text("一张")
    await expect(page.locator("#t1")).to_contain_text("这里只显示前 20000 个字符")
    assert 300 == await page.locator("#t1 .picture img").evaluate(
        "async image => (await image.decode(), image.naturalWidth)"
    )
    await page.get_by_role("link", name="更晚的").first.click()
    await expect(page.locator("#t60")).to_be_visible()

    talk = page.url.partition("?")[0].rpartition("/")[2]
    files = (await service.console.get(f"/api/v1/conversations/{talk}?turn=1&limit=1")).json()["transcript"][
        "messages"
    ][0]["media"]
    opened = [await service.console.get(f"/console/conversations/{talk}/media/1/{each['sha256']}") for each in files]
    assert ["image/png", "application/octet-stream"] == [each.headers["content-type"] for each in opened]
    assert "attachment" == opened[1].headers["content-disposition"]
    assert 404 == (await service.console.get(f"/console/conversations/{talk}/media/2/{files[0]['sha256']}")).status_code


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        pytest.param("words=年", 400, "太短", id="one character"),
        pytest.param("since=2026-13-01", 400, "不是日期", id="no day"),
        pytest.param("since=1990-01-01&until=2100-01-01", 200, "这是什么图", id="all days"),
        pytest.param("until=9999-12-31", 400, "不是日期", id="no day after it"),
        pytest.param("until=2026-11-21", 200, "没有符合条件", id="too early"),
        pytest.param("rated=great", 400, "good 或 bad", id="no rating"),
        pytest.param("before=x&lang=en", 200, "Conversations", id="no place"),
        pytest.param("words=%00%ff&lang=en", 400, "too short", id="no text"),
        pytest.param("channel=%3Cscript%3E", 200, "&lt;script&gt;", id="a script for a channel"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_list_says_what_is_wrong(shared: RunningService, query: str, status: int, said: str) -> None:
    answer = await shared.console.get(f"/console/conversations?{query}", headers={"Accept-Language": "zh"})

    assert status == answer.status_code
    assert said in answer.text
    assert "<script>" not in answer.text


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_is_shown_as_in_the_chat_and_a_question_as_it_was_written(shared: RunningService) -> None:
    (talk,) = (await shared.console.get("/api/v1/conversations?user=eve")).json()["items"]
    read = (await shared.console.get(f"/console/conversations/{talk['conversation']}")).text
    assert "只带前 1000 个字符" in read
    question, answer = read.split('<div class="side-of webot">')

    assert "**b**" in question
    assert ("<strong>b</strong>", False) == ("<strong>b</strong>" * ("<strong>b</strong>" in answer), "**b**" in answer)
    assert 'href="javascript' not in read


@pytest.mark.parametrize("address", ["0", "x", "9" * 18, "9" * 30, "-1", "1/media/1/zz", "9/media/1/zz"])
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_not_there_is_said(shared: RunningService, address: str) -> None:
    answer = await shared.console.get(f"/console/conversations/{address}", headers={"Accept": "text/html"})

    assert 404 == answer.status_code


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_still_to_be_indexed_is_said_above_the_list(shared: RunningService) -> None:
    database = shared.service.database
    await shared.service.index_builder.loop.stop()
    async with database.write() as connection:
        await connection.execute(
            update(messages).where(messages.c.role == "ai", messages.c.id < 5).values(indexed=False)
        )
    before = (await shared.console.get("/console/conversations?lang=en")).text
    await IndexBuilder(database, pause=lambda _: 0.0).build()
    after = (await shared.console.get("/console/conversations?lang=en")).text

    assert "still being indexed, 2 exchanges to go" in before
    assert "still being indexed" not in after


async def test_a_case_is_masked_and_hostile_words_stay_words(service: RunningService, tmp_path: Path) -> None:
    await say(service.service.database, '我的手机 13800138000"""\'\\\x7f\u202e\n[[x]]', "好")
    talk = (await service.console.get("/api/v1/conversations?words=手机")).json()["items"][0]["conversation"]
    form = (await service.console.get(f"/console/conversations/{talk}/case/1", headers={"Accept-Language": "en"})).text
    assert "13800138000" not in form
    assert "The answer says the same as this" in form
    hostile = {"chain": "default", "question": '问"""\'\\\x7f\u202e\n[[x]]\nname = 1', "rubric": "x"}
    for _ in range(2):
        assert 200 == (await service.console.post("/console/cases", data=hostile)).status_code
    (draft,) = await asyncio.to_thread(lambda: [*tmp_path.rglob("drafts/default.toml")])
    cases = tomllib.loads(await asyncio.to_thread(draft.read_text))["cases"]
    assert [hostile["question"]] * 2 == [each["input"] for each in cases[-2:]]
    for wrong in ({"question": " "}, {"rubric": ""}, {"chain": "../x"}, {"chain": "nobody"}):
        assert 400 == (await service.console.post("/console/cases", data=hostile | wrong)).status_code
