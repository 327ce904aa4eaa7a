"""Chains over the API: drafts nobody overwrites unseen, checks, trials, cases, releases, their history."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fakes.openai_server import OpenAIServer
from tests.service import RunningService, running_service

API = "/api/v1/chains"
TEXT = """
description = "leave"
command = "@hr"
system_prompt = "You are HR."

[[cases]]
input = "holiday"
contains = ["holiday"]

[[cases]]
input = "salary"
contains = ["not said by anybody"]
"""


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as opened:
        yield opened


@pytest.fixture
async def service(tmp_path: Path, server: OpenAIServer) -> AsyncIterator[RunningService]:
    environ = {
        "WEBOT_MODELS__DEFAULT__MODEL": "fake",
        "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url,
        "WEBOT_MODELS__DEFAULT__API_KEY": "k",
    }
    async with running_service(tmp_path, environ) as opened:
        opened.console.headers["Accept-Language"] = "en"
        yield opened


async def events(console: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> list[tuple[str, Any]]:
    answer = await console.post(f"{API}{path}", json=body, timeout=60)
    assert 200 == answer.status_code, answer.text
    found = []
    for block in answer.text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        found.append((fields["event"], json.loads(fields["data"])))
    # Of a job, how far it is comes in between.
    return [(kind, data) for kind, data in found if kind != "job"]


async def test_of_two_people_on_one_draft_the_second_is_told_and_nothing_is_overwritten(
    service: RunningService, tmp_path: Path
) -> None:
    console = service.console
    assert 404 == (await console.get(f"{API}/hr/draft")).status_code
    assert 428 == (await console.put(f"{API}/hr/draft", json={"text": TEXT})).status_code

    made = await console.put(f"{API}/hr/draft", json={"text": TEXT}, headers={"If-None-Match": "*"})
    assert 200 == made.status_code
    again = await console.put(f"{API}/hr/draft", json={"text": "x = 1"}, headers={"If-None-Match": "*"})
    assert 412 == again.status_code
    assert "nothing was overwritten" in again.json()["detail"]

    first = await console.put(f"{API}/hr/draft", json={"text": TEXT + "#1"}, headers={"If-Match": made.headers["ETag"]})
    second = await console.put(f"{API}/hr/draft", json={"text": "#2"}, headers={"If-Match": made.headers["ETag"]})
    assert (200, 412) == (first.status_code, second.status_code)
    file = tmp_path / "data" / "chains" / "drafts" / "hr.toml"
    assert TEXT + "#1" == file.read_text(encoding="utf-8")

    # An editor on the server saves: the page's mark is an old one now.
    file.write_text(TEXT, encoding="utf-8")
    seen = await console.get(f"{API}/hr/draft")
    assert TEXT == seen.json()["text"]
    stale = await console.delete(f"{API}/hr/draft", headers={"If-Match": first.headers["ETag"]})
    gone = await console.delete(f"{API}/hr/draft", headers={"If-Match": seen.headers["ETag"]})
    assert (412, 204) == (stale.status_code, gone.status_code)
    assert not file.exists()


async def test_a_text_is_checked_as_the_shell_does_with_line_and_key(service: RunningService) -> None:
    async def check(text: str, name: str = "hr", *, deep: bool = False) -> dict[str, Any]:
        answer = await service.console.post(f"{API}/check", json={"name": name, "text": text, "deep": deep})
        assert 200 == answer.status_code, answer.text
        found: dict[str, Any] = answer.json()
        return found

    fine = await check(TEXT, deep=True)
    assert fine["usable"]
    assert 2 == fine["cases"]

    wrong = await check('command = "@hr"\nmodle = "x"\nturns = "three"\n')
    assert [(2, "modle"), (3, "turns")] == [(each["line"], each["key"]) for each in wrong["problems"]]
    assert "did you mean 'model'" in wrong["problems"][0]["sentence"]
    assert "hr.toml" not in wrong["problems"][0]["sentence"]

    other = await check('command = "@translate"\nmodel = "nosuch"\n')
    assert {"model", "command, aliases"} == {each["key"] for each in other["problems"]}
    assert [2] == [each["line"] for each in other["problems"] if each["key"] == "model"]

    syntax = await check('command = "@hr"\nsystem_prompt = "\n')
    assert 2 == syntax["problems"][0]["line"]

    for bomb in (
        "a = " + "[" * 50_000,
        "a." * 20_000 + "b = 1",
        "[" * 100_000,
        "x = \u0000",
        "名 = 1",
        "a='" + "b" * 600_000 + "'",
    ):
        assert not (await check(bomb))["usable"]
    assert not (await check(TEXT, name="../../etc/passwd"))["usable"]


async def test_a_chain_is_tried_tested_released_compared_and_rolled_back(service: RunningService) -> None:
    console = service.console
    made = await console.put(f"{API}/hr/draft", json={"text": TEXT}, headers={"If-None-Match": "*"})

    tried = await events(console, "/hr/try", {"text": "holiday?", "chain": TEXT.replace("HR", "H R")})
    kinds = [kind for kind, _ in tried]
    assert ["request", "answer"] == [kinds[0], kinds[-1]]
    assert {"role": "system", "text": "You are H R."} in tried[0][1]["messages"]
    assert tried[-1][1]["text"] == "".join(each["text"] for kind, each in tried if kind == "text")
    assert tried[-1][1]["output_tokens"]

    cases = await events(console, "/hr/test", {})
    assert [("begin", 2), ("end", 1)] == [(cases[0][0], cases[0][1]["cases"]), (cases[-1][0], cases[-1][1]["passed"])]
    assert ["没有出现“not said by anybody”"] == next(
        each["faults"] for kind, each in cases if kind == "case" and not each["passed"]
    )

    some = await console.post(f"{API}/hr/publish", json={"share": 10, "users": ["ann"], "note": "first"})
    assert some.json()["took_effect"], some.text
    assert "10 % and ann" in some.json()["sentence"]
    (listed,) = [each for each in (await console.get(API)).json()["items"] if each["name"] == "hr"]
    assert ("", True, 10) == (listed["revision"], listed["has_draft"], listed["trial"]["share"])

    stale = await console.post(f"{API}/hr/publish", json={"etag": "0" * 20})
    assert 412 == stale.status_code
    first = (await console.post(f"{API}/hr/publish", json={"etag": made.headers["ETag"].strip('"')})).json()
    assert first["took_effect"]
    assert not (await console.get(f"{API}/hr/draft")).json()["exists"]

    await console.put(f"{API}/hr/draft", json={"text": TEXT + "turns = 3"}, headers={"If-None-Match": "*"})
    assert 422 == (await console.post(f"{API}/hr/publish", json={})).status_code
    now = await console.get(f"{API}/hr/draft")
    better = TEXT.replace("You are HR.", "You are kind.")
    await console.put(f"{API}/hr/draft", json={"text": better}, headers={"If-Match": now.headers["ETag"]})
    changes = (await console.get(f"{API}/hr/diff")).json()
    assert '+system_prompt = "You are kind."' in changes["lines"]
    await console.post(f"{API}/hr/publish", json={"note": "kinder"})
    back = await console.post(f"{API}/hr/rollback", json={"revision": first["revision"][:6]})
    assert back.json()["took_effect"]

    for language, said in (("en", f"rollback to {first['revision']}"), ("zh", f"恢复到 {first['revision']}")):
        history = (await console.get(f"{API}/hr/history", headers={"Accept-Language": language})).json()["items"]
        assert [said, "kinder", "", "first"] == [each["note"] for each in history]
        chain = (await console.get(f"{API}/hr", headers={"Accept-Language": language})).json()
        (listed,) = [
            each
            for each in (await console.get(API, headers={"Accept-Language": language})).json()["items"]
            if each["name"] == "hr"
        ]
        assert [said, said] == [each["changed"]["note"] for each in (chain, listed)]
    assert 404 == (await console.post(f"{API}/hr/rollback", json={"revision": "zzz"})).status_code
    assert 200 == (await console.get(f"{API}/hr/ratings")).status_code

    assert 200 == (await console.delete(f"{API}/hr")).status_code
    assert 422 == (await console.delete(f"{API}/hr")).status_code
    assert 404 == (await console.get(f"{API}/nosuch/history")).status_code


async def test_a_test_is_a_job_that_is_listed_followed_cancelled_and_removed(service: RunningService) -> None:
    console, asked = service.console, {"chain": TEXT}
    begun = await console.post(f"{API}/hr/test", json=asked, headers={"Accept": "application/json"})
    assert 202 == begun.status_code, begun.text
    job = f"{API}/hr/jobs/{begun.json()['id']}"

    stream = (await console.get(f"{job}/events", timeout=60)).text
    kinds = [
        line.partition(": ")[2] for line in stream.splitlines() if line.startswith("event: ") and "job" not in line
    ]
    assert ["begin", "case", "case", "end"] == kinds
    last = max(int(line.partition(": ")[2]) for line in stream.splitlines() if line.startswith("id: "))
    rest = (await console.get(f"{job}/events", headers={"Last-Event-ID": str(last - 1)}, timeout=60)).text
    assert ["end", "job"] == [line.partition(": ")[2] for line in rest.splitlines() if line.startswith("event: ")][-2:]

    status = (await console.get(job)).json()
    assert ("done", 2, 2, {"passed": 1, "failed": 1}) == tuple(
        status[key] for key in ("state", "done", "total", "result")
    )
    assert [status] == (await console.get(f"{API}/hr/jobs")).json()["items"]
    assert "done" == (await console.post(f"{job}/cancel")).json()["state"]
    # Another chain's.
    assert 404 == (await console.get(job.replace("/hr/", "/it/"))).status_code
    assert 204 == (await console.delete(job)).status_code
    gone = await console.get(f"{job}/events")
    assert (404, "There is no such test or replay, or it has been removed.") == (
        gone.status_code,
        gone.json()["detail"],
    )
