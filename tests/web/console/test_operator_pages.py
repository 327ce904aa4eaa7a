"""The operator's pages over a real service: turns that failed, usage, settings and audit, and the same by the API."""

import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import click
import pytest
import pytest_asyncio

from storage.conversations.audit import deeds, record
from storage.conversations.audit_actions import Action
from storage.monitoring.views import list_turns
from tests.fakes.openai_server import KEY, Fails, OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.commands.test_turns import WORDS, fail_once
from web.commands.audit import command as audit_command

ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def service(tmp_path: Path, model: OpenAIServer) -> AsyncIterator[RunningService]:
    environ = model.environ(input_price="2") | {"WEBOT_BUDGETS__PER_DAY": "5"}
    async with running_service(tmp_path, environ) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    """A service for requests that change nothing, started once for all of them."""
    async with running_service(tmp_path_factory.mktemp("shared")) as opened:
        yield opened


async def read(service: RunningService, path: str) -> str:
    answer = await service.http.get(path, headers=ENGLISH)
    assert answer.is_success, answer.text
    return answer.text


async def test_a_failed_turn_is_shown_with_its_reason_and_remedy_and_runs_again(
    service: RunningService, model: OpenAIServer
) -> None:
    await fail_once(service, model)
    ((turn,), count) = await list_turns(service.service.database, "failed"), 1
    listed = await read(service, "/console/turns")
    without_words = await read(service, f"/console/turns/{turn.id}")
    with_words = await read(service, f"/console/turns/{turn.id}?words=1")
    by_api = (await service.http.get("/api/v1/turns", headers={"Accept-Language": "en"})).json()
    in_chinese = (await service.http.get("/api/v1/turns", headers={"Accept-Language": "zh-CN"})).json()
    model.script(Says("Now it works."))
    again = await service.http.post("/console/turns/retry", data={"id": str(turn.id)}, headers=ENGLISH)
    await service.phone().texts(count=2)

    assert "HTTP 500" in listed
    assert "Fix the cause, then run the turn again" in listed
    assert WORDS not in listed + without_words + json.dumps(by_api, ensure_ascii=False)
    assert WORDS in with_words
    assert (count, turn.id) == (by_api["count"], by_api["items"][0]["id"])
    assert turn.reason == by_api["items"][0]["reason"]
    assert re.search(r"[一-鿿]", in_chinese["items"][0]["reason"])
    assert (303, "/console/turns?retried=1") == (again.status_code, again.headers["location"])
    done = [(deed.action, deed.details["turns"]) for deed in await deeds(service.service.database)]
    assert [("retry", [turn.id]), ("read", [turn.id])] == done


@pytest.mark.parametrize("asked", ["", "x", "-1", "9" * 40, "²"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_turn_that_is_none_is_a_bad_request(shared: RunningService, asked: str) -> None:
    form = await shared.http.post("/console/turns/retry", data={"id": asked})
    page = await shared.http.get("/console/turns/x" + asked, headers=ENGLISH)
    program = await shared.http.post("/api/v1/turns/retry", json={"ids": [asked]})

    assert [400, 404, 400] == [form.status_code, page.status_code, program.status_code]
    assert "application/problem+json" == program.headers["content-type"]


async def test_usage_is_told_as_figures_table_csv_and_by_the_api(service: RunningService, model: OpenAIServer) -> None:
    model.script(Says("好"))
    await service.phone("lisi").say("你好")
    await service.phone("lisi").texts(count=1)
    page = await read(service, "/console/usage?by=person&days=7")
    csv = await service.http.get("/console/usage/csv?by=person&days=7")
    sums = (await service.http.get("/api/v1/usage?by=model")).json()
    wrong = await service.http.get("/console/usage?by=nobody", headers=ENGLISH)

    assert "wecom/lisi" in page
    assert "of 5.00 yuan spent" in page
    assert "Budget of today" in page
    assert csv.text.startswith('\ufeff"person","answers"')
    assert [1] == [row["answers"] for row in sums["items"]]
    assert "CNY" == sums["currency"]
    assert 400 == wrong.status_code


@pytest.mark.asyncio(loop_scope="module")
async def test_the_editor_offers_keys_variables_filters_models_tools_and_chains(shared: RunningService) -> None:
    page = await read(shared, "/console/chains/default")
    offered = json.loads(html.unescape(page.partition('data-offered="')[2].partition('"')[0]))

    assert "date" in offered["variables"]
    assert ["default"] == offered["models"]
    assert {"search", "draw_picture"} & {*offered["tools"]}
    assert "default" in offered["chains"]
    assert ["wecom"] == offered["channels"]
    assert offered["filters"]
    assert all(offered["keys"].values())


async def test_the_settings_page_says_where_each_comes_from_and_shows_no_secret(service: RunningService) -> None:
    page = await read(service, "/console/settings")

    assert "WEBOT_MODELS__DEFAULT__API_KEY" in page
    assert "test-model" in page
    assert KEY not in page


async def test_the_audit_comes_in_pages_and_what_is_hostile_in_it_is_text(service: RunningService) -> None:
    for number in range(60):
        who = "<script>alert(1)</script>" if number == 0 else f"li{number}"
        await record(service.service.database, "export", who, {"format": "pdf"}, conversations=1, messages=number)
    latest = await read(service, "/console/audit?action=export")
    older = await read(service, "/console/audit?action=export&before=11")
    first = (await service.http.get("/api/v1/audit?limit=40")).json()
    second = (await service.http.get(f"/api/v1/audit?limit=40&cursor={first['next']}")).json()

    assert "li59" in latest
    assert "before=11" in latest
    assert "&lt;script&gt;" in older
    assert "<script>alert" not in older
    assert list(range(59, -1, -1)) == [deed["messages"] for deed in first["items"] + second["items"]]
    assert None is second["next"]


def test_the_shell_filters_the_audit_by_every_kind_of_deed() -> None:
    filtered = next(option for option in audit_command.params if option.name == "action")

    assert isinstance(filtered.type, click.Choice)
    assert get_args(Action) == tuple(filtered.type.choices)


async def test_the_models_are_shown_and_one_is_asked_what_it_can_do(
    service: RunningService, model: OpenAIServer
) -> None:
    model.script(Says("1 2 3"), Says("It is noon."), Says("red"))
    page = await read(service, "/console/models")
    tested = await service.http.post("/console/models/default/test", headers=ENGLISH)
    unknown = await service.http.post("/console/models/none/test", headers=ENGLISH)
    listed = (await service.http.get("/api/v1/models")).json()
    model.script(Fails(401))
    refused = (await service.http.post("/api/v1/models/default/test")).json()

    assert "test-model" in page
    assert "It sees pictures." in tested.text
    assert "It did not use the tool it was offered." in tested.text
    assert 404 == unknown.status_code
    assert [("default", "test-model", False)] == [
        (each["name"], each["model"], each["is_resting"]) for each in listed["items"] if each["name"] == "default"
    ]
    assert "401" in refused["pace"]["error"]
    assert KEY not in page + tested.text + json.dumps(listed) + json.dumps(refused)


async def test_the_doctor_examines_the_running_service(service: RunningService) -> None:
    page = await service.http.post("/console/doctor", headers=ENGLISH)
    report = (await service.http.get("/api/v1/doctor")).json()

    assert page.is_success
    assert "✓" in page.text
    assert "can be read and written" in page.text
    assert {"state", "check", "about", "title", "says", "fix"} == set(report["findings"][0])
    assert report["ok"] == all(finding["state"] != "ill" for finding in report["findings"])
