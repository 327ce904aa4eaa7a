"""The console's chat with an AI bot, in a real Chromium: groups of several, quotes, files, thumbs and cards."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Page, expect

from pipeline.events import Feedback, Image, Text
from tests.fakes.openai_server import OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.console.test_pages import png

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPLIES = "#stream .theirs .bubble"


@pytest_asyncio.fixture(loop_scope="session")
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path, model: OpenAIServer) -> AsyncIterator[RunningService]:
    environ = model.environ(vision="true") | {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot"}
    async with running_service(tmp_path, environ) as opened:
        app = opened.service.channels["bot"].simulated
        assert app is not None
        await opened.simulator.bots.connected(app)
        yield opened


@pytest.fixture
def page(browser_page: Page) -> Page:
    return browser_page


async def opened(page: Page, service: RunningService, **asked: str) -> None:
    query = "&".join(f"{name}={value}" for name, value in ({"channel": "bot"} | asked).items())
    await page.goto(f"{service.console.base_url}/console?{query}")
    await expect(page.locator("#text")).to_be_focused()


async def say(page: Page, words: str) -> None:
    await page.locator("#text").fill(words)
    await page.keyboard.press("Enter")


async def test_a_group_of_two_asks_quotes_and_is_answered(
    service: RunningService, page: Page, model: OpenAIServer
) -> None:
    model.script(*(Says(f"answer {n}") for n in range(1, 4)))
    await opened(page, service, group="项目组", user="zhangsan")
    await say(page, "first")
    await expect(page.locator(REPLIES)).to_have_text("answer 1")
    # Words to the others do not reach the bot.
    await page.locator("#mention").click()
    await say(page, "only for you")
    await expect(page.locator("#toasts")).to_contain_text("没有 @bot")
    await page.locator(".people a", has_text="lisi").click()
    await expect(page.locator("#stream .others .bubble")).to_have_count(2)
    await page.locator("#stream .others").last.locator("[data-quote]").click()
    await expect(page.locator("#quoting")).to_contain_text("only for you")
    await say(page, "second")
    await expect(page.locator(REPLIES)).to_have_text(["answer 1", "answer 2"])
    await expect(page.locator("#stream .mine .quoted")).to_have_text("only for you")
    asked = [str(body["messages"]) for body in model.bodies]

    assert "only for you" not in asked[0]
    assert "only for you" in asked[1]
    assert "lisi" in asked[1]
    assert "@bot" not in asked[1]


async def test_words_and_a_picture_typed_together_are_one_message_and_thumbs_show_what_was_pressed(
    service: RunningService, page: Page, model: OpenAIServer
) -> None:
    model.script(Says("a sky"), Says("the next"))
    await opened(page, service, group="项目组")
    await page.locator("#text").fill("what is this?")
    sky: FilePayload = {"name": "sky.png", "mimeType": "image/png", "buffer": png(40, 30)}
    await page.set_input_files("#files", sky)
    await expect(page.locator(REPLIES)).to_have_text("a sky")
    await expect(page.locator("#stream .mine .picture img")).to_have_count(1)
    good, bad = (page.locator(f"[data-judge={which}]") for which in ("good", "bad"))
    await good.click()
    await expect(good).to_have_attribute("aria-pressed", "true")
    await bad.click()
    await page.locator("#judge textarea").fill("too short")
    await page.locator("#judge .primary").click()
    await expect(bad).to_have_attribute("aria-pressed", "true")
    await expect(good).to_have_attribute("aria-pressed", "false")
    await bad.click()
    await expect(bad).to_have_attribute("aria-pressed", "false")
    app = service.service.channels["bot"].simulated
    assert app is not None
    group = service.simulator.phone("zhangsan", agent_id=app.agent_id, group="项目组")
    said = [entry for entry in group.entries() if entry.kind == "said"]

    assert Text("@bot what is this?") == said[0].content
    assert [Image] == [type(each) for each in said[0].attachments]
    assert [True, False, None] == [each.content.good for each in said if isinstance(each.content, Feedback)]
    assert "image_url" in str(model.bodies[0]["messages"])


async def test_an_answer_grows_in_its_bubble_a_document_is_shown_and_the_welcomes_buttons_are_pressed(
    service: RunningService, page: Page, model: OpenAIServer
) -> None:
    model.script(Says("one two three four five six", hangs_after=4), Says("about the plan"))
    await opened(page, service)
    await say(page, "count")
    growing = page.locator("#stream .theirs .bubble[aria-busy=true]")
    await expect(growing).to_contain_text("one")
    await say(page, "@stop")
    await expect(growing).to_have_count(0)
    plan: FilePayload = {"name": "plan.md", "mimeType": "text/markdown", "buffer": b"# The plan"}
    await page.set_input_files("#files", plan)
    await expect(page.locator("#stream .mine").last).to_contain_text("plan.md")
    await page.locator("summary[title='更多']").click()
    await page.get_by_role("button", name="重新进入应用").click()
    await page.locator(".card-buttons [data-press='@help']").click()

    await expect(page.locator(REPLIES).last).to_contain_text("@clear")


async def test_a_group_of_an_application_or_with_a_wrong_name_is_refused(service: RunningService) -> None:
    answers = [
        (await service.console.get("/console", params=asked)).status_code
        for asked in ({"channel": "wecom", "group": "g"}, {"channel": "bot", "group": "a/b"})
    ]

    assert [404, 404] == answers


async def test_the_chat_opens_with_the_bot_whose_answers_are_seen_while_they_are_written(
    service: RunningService,
) -> None:
    pages = [(await service.console.get("/console", params=asked)).text for asked in ({}, {"channel": "wecom"})]

    assert ["bot", "wecom"] == [re.findall(r'<body[^>]* data-channel="(\w+)"', page)[0] for page in pages]
    assert all(f">{name}</span>" in page for page in pages for name in ("bot", "wecom"))


async def test_mishaps_of_bots_are_offered_by_how_bots_are_reached_and_strike(
    service: RunningService, model: OpenAIServer
) -> None:
    model.script(*(Says(f"answer {n}") for n in range(1, 4)))
    app = service.service.channels["bot"].simulated
    assert app is not None
    phone = service.simulator.phone("zhangsan", agent_id=app.agent_id)
    drills = "/console/faults?lang=en"
    for number, mishap in enumerate(("control_characters", "redelivered", "drop_after"), 1):
        panel = await service.console.post(drills, data={"fault": f"bot_{mishap}", "calls": "1"})
        await phone.say(f"question {number}")
        said = await phone.texts(count=number, within=30)
    offered = {
        each["of"]: each["presets"] for each in (await service.console.get("/console/api/faults")).json()["groups"]
    }
    page = (await service.console.get(drills)).text

    assert "Drop after a frame" in panel.text
    assert [f"answer {n}" for n in range(1, 4)] == said
    assert {} == service.simulator.faults.rules()
    assert ["application", "connection"] == list(offered)
    assert "bot_stop_asking" not in offered["connection"]
    assert "bot_kicked" not in offered["application"]
    assert "Kicked" in page
