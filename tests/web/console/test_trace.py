"""How an answer came about, in a drawer beside the chat and from a conversation that is read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from pipeline.events import Person
from storage.conversations.audit import deeds
from tests.fakes.openai_server import KEY, Fails, OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.console.test_pages import HOSTILE, REPLIES

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


@pytest_asyncio.fixture(loop_scope="session")
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path, model: OpenAIServer) -> AsyncIterator[RunningService]:
    environ = model.environ(output_price="9") | {"WEBOT_CHAT__SYSTEM_PROMPT": f"You are kind. {HOSTILE}"}
    async with running_service(tmp_path, environ) as opened:
        yield opened


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Details", "Accepted from WeCom", "What exactly the model was sent", "WeChat plugin, as plain text")),
        ("zh", ("详情", "收到企业微信的回调并存好", "实际发给模型的内容", "微信插件（纯文本）")),
    ],
)
async def test_a_drawer_tells_how_a_message_was_answered(
    service: RunningService, model: OpenAIServer, browser_page: Page, lang: str, words: tuple[str, str, str, str]
) -> None:
    page = browser_page
    model.script(Says("# Leave\n\n**On page 12.**"))
    await page.goto(f"{service.http.base_url}/console?lang={lang}")
    await page.locator("#text").fill(HOSTILE)
    await page.keyboard.press("Enter")
    await expect(page.locator(REPLIES)).to_contain_text("On page 12.")
    await page.locator("#stream .theirs .inspect").focus()
    await page.keyboard.press("Enter")
    drawer = page.locator("#drawer")
    await expect(drawer.locator(".trace-steps li").first).to_contain_text(words[1])
    await drawer.locator("summary", has_text=words[2]).click()
    await expect(drawer.locator(".trace-messages pre").first).to_contain_text("You are kind. <script>")
    await expect(drawer.locator(".trace-messages pre").nth(1)).to_contain_text(HOSTILE)
    assert words[3] in await drawer.inner_html()
    assert "【Leave】" in await drawer.inner_html() or "Leave" in await drawer.inner_text()
    assert "&lt;MsgType&gt;" in await drawer.inner_html()
    assert '"msgtype": "markdown"' in await drawer.inner_html()
    assert 0 == await drawer.locator("script, img").count()
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
    await page.locator("#stream .mine .inspect").click()
    await expect(drawer).to_be_visible()
    await expect(drawer.locator(".trace-steps li").first).to_contain_text(words[1])

    assert words[0] == await page.locator("#stream .mine .inspect").inner_text()
    assert "taken" not in await page.title()


async def test_an_answer_read_in_the_conversations_leads_to_how_it_came_about(service: RunningService) -> None:
    phone = service.phone("lisi")
    await phone.say("where?")
    await phone.texts(count=1)
    reading = await service.console.get("/console/conversations/1", headers=ENGLISH)
    traced = await service.console.get("/console/conversations/1/trace/1", headers=ENGLISH)
    gone = [
        (await service.console.get(path, headers=ENGLISH)).status_code
        for path in (
            "/console/conversations/1/trace/7",
            "/console/conversations/9/trace/1",
            "/console/inspect?entry=99",
        )
    ]

    # As after a restart.
    service.service.foundation.request_log.forget(Person("wecom", "lisi"))
    later = {
        lang: (await service.console.get(f"/console/conversations/1/trace/1?lang={lang}", headers=ENGLISH)).text
        for lang in ("en", "zh")
    }

    assert "The exact request is not kept here" in later["en"]
    assert "这里没有实际发给模型的内容" in later["zh"]
    assert all("where?" in text and "You are kind" not in text for text in later.values())
    assert "not kept here" not in traced.text
    assert "/console/conversations/1/trace/1" in reading.text
    assert "You are kind. &lt;script&gt;" in traced.text
    assert "test-model" in traced.text
    assert KEY not in traced.text
    assert [404, 404, 404] == gone
    assert ["read"] * 4 == [deed.action for deed in await deeds(service.service.database)]


async def test_a_failed_turn_says_why_and_who_is_forgotten_is_forgotten_here_too(
    service: RunningService, model: OpenAIServer
) -> None:
    model.script(Fails(500))
    phone = service.phone("lisi")
    await phone.say("where?")
    await phone.texts(count=1)
    (number, *_) = [entry.number for entry in phone.entries()]
    failed = await service.console.get(f"/console/inspect?user=lisi&entry={number}&lang=en", headers=ENGLISH)
    logged = service.service.foundation.request_log.find("1")
    service.service.foundation.request_log.forget(Person("wecom", "lisi"))

    assert "HTTP 500" in failed.text
    assert "No answer could be made" in failed.text
    assert logged is not None
    assert None is service.service.foundation.request_log.find("1")


async def test_an_answer_of_a_bot_in_a_group_tells_how_it_came_about(tmp_path: Path, model: OpenAIServer) -> None:
    environ = model.environ() | {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot"}
    async with running_service(tmp_path, environ) as service:
        room = {"channel": "bot", "user": "lisi", "group": "team"}
        said = await service.console.post("/console/do", data=room | {"kind": "text", "text": "@bot where?"})
        app = service.service.channels["bot"].simulated
        assert app is not None
        phone = service.simulator.phone("lisi", agent_id=app.agent_id, corp_id=app.corp_id, group="team")
        await phone.texts(count=1)
        traced = [
            await service.console.get("/console/inspect", params=room | {"entry": str(each.number)}, headers=ENGLISH)
            for each in phone.entries()
        ]

    assert said.is_success
    assert 2 <= len(traced)
    for each in traced:
        assert "Model asked" in each.text
        assert "aibotid" in each.text
