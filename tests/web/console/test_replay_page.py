"""The replay page in a real Chromium: both answers side by side, judged by a model and by hand; and with no script."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from time import time
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from pipeline.text.i18n import Catalogue, Language
from storage.conversations.audit import deeds
from storage.jobs.job_store import StoredJob, add_job
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.console.every_page import MAY_BE_REPLAYED
from tests.web.console.test_pages import HOSTILE
from web.operator.accounts import make_token
from web.security.role_names import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRAFT = 'description = "chat"\nsystem_prompt = "Be brief."\n'
QUESTIONS = ("Where do I ask for leave?", HOSTILE)


def answer(asked: Mapping[str, Any]) -> Act:
    """Answer as the draft's prompt, the live one's or the judge's asks for."""
    system, said = str(asked["messages"][0]["content"]), str(asked["messages"][-1]["content"])
    if system.startswith("You compare"):
        both = json.loads(said)
        return Says(json.dumps({"better": "a" if len(both["a"]) < len(both["b"]) else "b", "why": "it is shorter"}))
    return Says("On **page 12**." if system == "Be brief." else f"You ask for it on **page 12**. {HOSTILE}")


async def ask_and_draft(service: RunningService) -> None:
    """Have somebody ask every question, and write the draft."""
    phone = service.phone("lisi")
    for count, question in enumerate(QUESTIONS, start=1):
        await phone.say(question)
        await phone.texts(count=count)
    await service.console.put("/api/v1/chains/default/draft", json={"text": DRAFT}, headers={"If-None-Match": "*"})


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with OpenAIServer(otherwise=answer) as server:
        environ = server.environ(output_price="9") | MAY_BE_REPLAYED
        async with running_service(tmp_path, environ) as opened:
            await ask_and_draft(opened)
            yield opened


@pytest.mark.parametrize(
    ("lang", "sums"),
    [
        ("en", ("2 of 2 answers differ", "2 better, 0 same, 0 worse", "0 better, 1 same, 1 worse")),
        ("zh", ("2 个回答中有 2 个不同", "较好 2，相当 0，较差 0", "较好 0，相当 1，较差 1")),
    ],
)
async def test_real_questions_are_replayed_judged_by_a_rubric_and_by_hand_and_added_up(
    service: RunningService, browser_page: Page, lang: Language, sums: tuple[str, str, str]
) -> None:
    page = browser_page
    await page.goto(f"{service.console.base_url}/console/chains/default?lang={lang}")
    await page.locator(".chain-tabs a[href*='/replay']").click()
    await page.locator("input[name=rubric]").fill("the shorter, the better")
    await page.keyboard.press("Enter")
    await expect(page.locator("#pairs .pair")).to_have_count(2)
    await expect(page.locator("#changed")).to_have_text(sums[0])
    await expect(page.locator("#sum-model")).to_have_text(sums[1])
    await expect(page.locator("#totals-live [data-sum=answers]")).to_have_text("2")
    first = page.locator("#pairs .pair", has_text="ask for leave?")
    await expect(first.locator(".live del").first).to_contain_text("You ask for it o")
    await expect(first.locator(".live strong")).to_have_text("page 12")
    await expect(first.locator(".draft .pair-text")).to_have_text("On page 12.")
    await expect(first.locator(".pair-verdict.better")).to_be_visible()

    await first.locator("input[value=same]").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    other = page.locator("#pairs .pair", has_text="<script>").filter(has_not_text="ask for leave?")
    await other.locator("input[value=worse]").check()
    await expect(page.locator("#sum-hand")).to_have_text(sums[2])
    await page.reload()
    await expect(page.locator("#sum-hand")).to_have_text(sums[2])
    await expect(first.locator("input[value=same]")).to_be_checked()
    # Another replay of the same two revisions has them, too. Its own address tells that the page is the new one's.
    address = page.url
    await page.locator("#replay button.primary").click()
    await expect(page).not_to_have_url(address)
    await expect(page.locator("#replay-state")).to_have_text(Catalogue(lang).text("console.replay_ended"))
    await expect(page.locator("#pairs .pair")).to_have_count(2)
    await expect(page.locator("#sum-hand")).to_have_text(sums[2])
    await expect(page.locator(".replay-earlier li")).to_have_count(0)
    await page.reload()
    await expect(page.locator(".replay-earlier li")).to_have_count(1)

    assert "taken" not in await page.title()
    assert 0 == await page.locator("#pairs img, #pairs script").count()


async def test_a_judgement_that_is_slow_to_arrive_is_counted_with_the_next(
    service: RunningService, browser_page: Page
) -> None:
    page = browser_page
    await page.goto(f"{service.console.base_url}/console/chains/default/replay?lang=en")
    await page.locator("#replay button.primary").click()
    await expect(page.locator("#replay-state")).to_have_text("All questions are answered.")
    first, second = (page.locator("#pairs .pair").nth(index) for index in range(2))

    async def judge_the_second_meanwhile(route: Route) -> None:
        await second.locator("input[value=worse]").check()
        await page.evaluate("fetch('/console/static/style.css').then((answer) => answer.text())")
        await route.continue_()

    await page.route("**/judgements/*", judge_the_second_meanwhile, times=1)
    await first.locator("input[value=better]").check()
    await expect(page.locator("#sum-hand")).to_have_text("1 better, 0 same, 1 worse")


async def test_answers_to_a_tried_question_and_to_cases_look_as_in_the_chat(
    service: RunningService, browser_page: Page
) -> None:
    page = browser_page
    await page.goto(f"{service.console.base_url}/console/chains/default?lang=en&question=leave")
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+A")
    await page.keyboard.insert_text('description = "chat"\n[[cases]]\ninput = "leave"\ncontains = ["page"]\n')
    await page.locator("#try button").click()
    await expect(page.locator("#answer strong")).to_have_text("page 12")
    await page.locator("#run").click()
    await expect(page.locator("#cases .passed .bubble strong")).to_have_text("page 12")

    await expect(page.locator("#answer")).to_contain_text("<script>")
    assert "taken" not in await page.title()
    assert 0 == await page.locator("#answer img, #answer script, #cases img, #cases script").count()


@pytest.mark.parametrize(
    ("lang", "stood_in", "cut", "changed"),
    [
        ("en", "default gave no answer; spare (spare-model) stood in", "Incomplete: it reached", "; 2 not compared"),
        ("zh", "default 没有回答，由 spare（spare-model）代答", "不完整：因长度截断", "；2 个不作比较"),
    ],
)
async def test_answers_that_are_cut_or_anothers_are_marked_and_counted_apart(
    tmp_path: Path, browser_page: Page, lang: str, stood_in: str, cut: str, changed: str
) -> None:
    page = browser_page

    def otherwise(asked: Mapping[str, Any]) -> Act:
        if str(asked["messages"][0]["content"]) != "Be brief.":
            return Says("the same")
        if asked["model"] == "spare-model":
            return Says("the same")
        leave = "leave" in str(asked["messages"][-1]["content"])
        return Fails(500) if leave else Says("the sa", finish="length")

    async with OpenAIServer(otherwise=otherwise) as server:
        environ = (
            server.environ(fallbacks='["spare"]')
            | MAY_BE_REPLAYED
            | {"WEBOT_MODELS__SPARE__MODEL": "spare-model", "WEBOT_MODELS__SPARE__BASE_URL": server.base_url}
        )
        async with running_service(tmp_path, environ) as opened:
            await ask_and_draft(opened)
            address = f"{opened.console.base_url}/console/chains/default/replay?lang={lang}"
            await page.goto(address)
            await page.locator("#replay button.primary").click()
            await expect(page.locator("#pairs .pair")).to_have_count(2)
            await expect(page.locator("#changed")).to_contain_text(changed)
            html = await opened.console.get(page.url)
            # The sums are sent to the browser a moment before the job has ended.
            async with asyncio.timeout(30):
                while changed not in html.text:
                    html = await opened.console.get(page.url)

    first = page.locator("#pairs .pair", has_text="ask for leave?")
    await expect(first.locator(".draft .pair-faults")).to_contain_text(stood_in)
    await expect(first.locator(".live .pair-faults")).to_be_hidden()
    await expect(page.locator("#pairs .pair").filter(has_text=cut)).to_have_count(1)
    await expect(page.locator("#totals-draft [data-sum=unfit]")).to_have_text("2")
    await expect(page.locator("#totals-live [data-sum=unfit]")).to_have_text("0")
    await expect(page.locator("#totals-draft [data-sum=milliseconds]")).to_have_text("–")
    await page.locator("#only-changed").check()
    await expect(first).to_be_visible()
    for sentence in (stood_in, cut, changed):
        assert sentence in html.text


async def test_a_replay_is_stopped_and_what_is_wrong_is_said(service: RunningService, browser_page: Page) -> None:
    page, address = browser_page, f"{service.console.base_url}/console/chains/default/replay?lang=en"
    file = Path(service.service.settings.storage.data_dir) / "chains" / "drafts" / "default.toml"
    await page.goto(address)
    file.write_text('modle = "x"', encoding="utf-8")
    await page.locator("#replay button.primary").click()
    await expect(page.locator("#replay-wrong")).to_contain_text("modle")
    await page.reload()
    await expect(page.locator(".chain-notice.bad").first).to_contain_text("modle")


async def test_without_a_script_a_replay_has_a_page_that_says_how_far_it_is_and_keeps_what_is_judged(
    service: RunningService,
) -> None:
    console, asked = service.console, {"last": "20", "rubric": "the shorter, the better", "judge": "default"}
    address = "/console/chains/default/replay"
    begun = await console.post(f"{address}?lang=en", data=asked)
    place = begun.headers["location"].partition("?")[0]
    id_ = place.rpartition("/")[2]
    await service.service.jobs.finished(id_)
    page = await console.get(f"{place}?lang=en")
    trace = page.text.partition('data-trace="')[2].partition('"')[0]
    judged = await console.post(f"{place}/judge?lang=en", data={"trace": trace, "verdict": "worse"})
    unknown = await console.post(f"{place}/judge?lang=en", data={"trace": "999999", "verdict": "worse"})
    unfit = await console.post(f"{place}/judge?lang=en", data={"trace": trace, "verdict": "best"})
    again = await console.get(f"{place}?lang=en")
    listed = await console.get(f"{address}?lang=en")
    csv = (await console.get(f"{place}/csv")).text
    wrong = await console.post(f"{address}?lang=en", data=asked | {"judge": "nobody"})
    many = await console.post(f"{address}?lang=en", data=asked | {"last": "many"})
    deed = (await deeds(service.service.database, action="replay_judge"))[0]

    assert (303, 303, 404, 422) == tuple(each.status_code for each in (begun, judged, unknown, unfit))
    assert "2 of 2 answers differ" in page.text
    assert "2 better, 0 same, 0 worse" in page.text
    assert page.text.count('<li class="card pair"') == len(QUESTIONS) + 1
    assert "<img src=x" not in page.text
    assert (0, 1) == tuple(each.text.count("0 better, 0 same, 1 worse") for each in (page, again))
    assert f'href="{place}?lang=en"' in listed.text
    assert {"chain": "default", "trace": int(trace), "verdict": "worse"}.items() <= deed.details.items()
    assert "console" == deed.who
    assert "console: worse" in csv
    assert "nobody" in wrong.text
    assert [422, 422] == [wrong.status_code, many.status_code]


async def test_a_page_of_a_replay_under_way_shows_itself_anew_and_stops_it(service: RunningService) -> None:
    jobs = service.service.jobs
    ordered = {"live": "", "draft": "", "revisions": ["a", "b"], "wish": {"last": 3}}
    job = StoredJob("1234567890abcdef", "chain_replay", "default", ordered, "li", time(), 0, total=3)
    # Another process's: nobody here goes on with it.
    await add_job(service.service.database, job)
    place = f"/console/chains/default/replay/{job.id}"
    page = (await service.console.get(f"{place}?lang=en")).text
    stopped = await service.console.post(f"{place}/stop?lang=en")
    after = (await service.console.get(f"{place}?lang=en")).text
    found = await jobs.find(job.id)

    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    assert "by li." in page
    assert 303 == stopped.status_code
    assert found is not None
    assert "cancelled" == found.state
    assert "http-equiv" not in after


async def test_two_who_judge_a_replay_see_each_others_judgements_by_the_api(service: RunningService) -> None:
    console, address = service.console, "/api/v1/chains/default"
    begun = await console.post(f"{address}/replay", json={"last": 20}, headers={"Accept": "application/json"})
    id_ = begun.json()["id"]
    await service.service.jobs.finished(id_)
    events = (await console.get(f"{address}/jobs/{id_}/events")).text
    traces = [json.loads(line[6:])["trace"] for line in events.splitlines() if line.startswith('data: {"trace"')]
    place = f"{address}/jobs/{id_}/judgements"
    database = service.service.database
    tokens = {name: await make_token(database, name, Role.PROMPT_ENGINEER, days=1, by="t") for name in ("li", "wang")}

    async def judge(name: str, trace: int, verdict: str | None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {tokens[name]}"}
        return await console.put(f"{place}/{trace}", json={"verdict": verdict}, headers=headers)

    await judge("li", traces[0], "better")
    await judge("li", traces[0], "worse")
    await judge("li", traces[1], "same")
    await judge("li", traces[1], None)
    last = (await judge("wang", traces[0], "better")).json()
    shown = (await console.get(place)).json()
    wrong = [await judge("li", traces[0], "best"), await judge("li", 999_999, "same")]

    assert [("console:token:li", "worse"), ("console:token:wang", "better")] == [
        (one["by"], one["verdict"]) for one in last["items"]
    ]
    assert (1, 0, 1) == (last["better"], last["same"], last["worse"])
    assert last == shown
    assert [400, 404] == [each.status_code for each in wrong]
