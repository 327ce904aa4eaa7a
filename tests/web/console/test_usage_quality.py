"""How fast answers were, what failed and what came twice: kept per day, and shown with what was used."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from adapters.simulator.faults import Repeat, Rule
from storage.database.tables import daily_counts
from storage.usage.daily_counts import FIRST_MILLISECONDS, GROWTH, DailyCounts, bucket_of
from storage.usage.daily_report import quality_of
from tests.fakes.openai_server import Fails, OpenAIServer
from tests.service import RunningService, running_service

ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def service(tmp_path: Path, model: OpenAIServer) -> AsyncIterator[RunningService]:
    environ = model.environ()
    async with running_service(tmp_path, environ) as opened:
        yield opened


async def test_speed_failures_and_duplicates_are_shown_by_day_model_and_channel_and_as_csv(
    service: RunningService, model: OpenAIServer
) -> None:
    phone = service.phone("lisi")
    service.simulator.faults.set(Rule(Repeat(3), calls=1))
    await phone.say("one")
    await phone.texts(count=1)
    model.script(Fails(400))
    await phone.say("two")
    await phone.texts(count=2)
    by_model = (await service.console.get("/console/usage?by=model&days=7", headers=ENGLISH)).text
    by_day = (await service.console.get("/console/usage/quality?by=day&days=7")).text
    by_channel = (await service.console.get("/console/usage/quality?by=channel&days=7")).text
    by_api = (await service.console.get("/api/v1/usage?by=channel")).json()
    models = (await service.console.get("/console/models", headers=ENGLISH)).text
    sums = (await service.console.get("/console/usage/csv?by=channel&days=7")).text

    assert "Speed and failures" in by_model
    assert 'data-label="Model">test-model</td>' in by_model.partition('id="quality"')[2]
    header, row, *others = by_day.splitlines()
    today = datetime.now(UTC).astimezone().date().isoformat()
    of, answers, median, p95, *counts = row.replace('"', "").split(",")
    assert '\ufeff"day","answers","median ms","95 % ms","failed","not delivered","duplicates"' == header
    assert (today, "1", ["1", "0", "2"], []) == (of, answers, counts, others)
    assert 0 < int(median) <= int(p95)
    assert '"wecom"' in by_channel
    assert (1, 1, 2) == tuple(by_api["quality"]["wecom"][key] for key in ("answers", "failed", "duplicates"))
    assert ["wecom"] == [each["of"] for each in by_api["items"]]
    assert "1 answer, 1 failure" in models
    assert '"wecom"' in sums


async def test_ratings_are_added_up_by_day_chain_model_person_and_channel_everywhere(service: RunningService) -> None:
    draft = {"text": 'description = "chat"\nsystem_prompt = "Be brief."\n'}
    address = "/api/v1/chains/default"
    await service.console.put(f"{address}/draft", json=draft, headers={"If-None-Match": "*"})
    assert (await service.console.post(f"{address}/publish", json={"note": "shorter"})).is_success
    for user, word in (("lisi", "@good"), ("wangwu", "@bad 太长"), ("zhaoliu", "@good")):
        phone = service.phone(user)
        await phone.say("one")
        await phone.texts(count=1)
        await phone.say(word)
        await phone.texts(count=2)
    today = datetime.now(UTC).astimezone().date().isoformat()
    names = {"day": today, "chain": "default", "model": "test-model", "channel": "wecom"}
    found = {
        by: {each["of"]: (each["good"], each["bad"]) for each in response.json()["items"]}
        for by in (*names, "person")
        for response in [await service.console.get(f"/api/v1/usage?by={by}&since={today}&until={today}")]
    }
    page = (await service.console.get("/console/usage?by=day&days=7", headers=ENGLISH)).text
    csv = (await service.console.get("/console/usage/csv?by=person&days=7")).text
    chains = (await service.console.get("/console/chains", headers=ENGLISH)).text
    history = (await service.console.get("/console/chains/default/history", headers=ENGLISH)).text
    before = (await service.console.get("/api/v1/usage?by=day&until=2020-01-01")).json()

    assert {by: {of: (2, 1)} for by, of in names.items()} == {by: found[by] for by in names}
    people = {name.rpartition("/")[2]: counts for name, counts in found["person"].items()}
    assert {"lisi": (1, 0), "wangwu": (0, 1), "zhaoliu": (1, 0)} == people
    assert "<b>2 / 1</b>" in page
    assert "👍 2 · 👎 1" in chains
    assert "👍 2 · 👎 1" in history
    assert "shorter" in history
    assert "&#34;good&#34;:[0,0,0,0,0,0,2],&#34;bad&#34;:[0,0,0,0,0,0,1]" in page
    assert '"rated good","rated bad"' in csv
    assert [] == before["items"]


async def test_the_sums_of_a_day_do_not_grow_with_the_messages_and_add_up_over_processes(
    service: RunningService,
) -> None:
    database = service.service.database
    one, other = DailyCounts(database), DailyCounts(database)
    for number in range(2000):
        (one if number % 2 else other).answered({"channel": "shop"}, 1000)
    await one.flush()
    await other.flush()
    await one.flush()
    today = datetime.now(UTC).astimezone().date()
    found = await quality_of(database, "channel", since=today)
    async with database.read() as connection:
        rows = (await connection.execute(select(func.count()).select_from(daily_counts))).scalar_one()

    assert 2000 == found["shop"].answers
    assert 930 < found["shop"].median < 1075
    assert 2 == rows


@given(st.integers(min_value=51, max_value=600_000))
def test_a_step_of_time_is_at_most_15_percent_wide(milliseconds: int) -> None:
    upper = FIRST_MILLISECONDS * GROWTH ** bucket_of(milliseconds)

    assert upper / GROWTH * 0.999 <= milliseconds <= upper * 1.001
