"""A process is killed in the middle of jobs of the console: the next goes on, pays nothing twice, revives nothing."""

import asyncio
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import update

from storage.database.console_tables import jobs
from storage.database.engine import open_database
from tests.fakes.openai_server import Act, Held, OpenAIServer, echo
from tests.fork_server import ForkServer
from tests.resilience.cluster import Cluster, Service
from tests.resilience.webhook_clients import post_all

WORDS = ("first", "second", "third")
LIVE, DRAFT = "You are live.", "You are a draft."
JOBS = "chains/default/jobs"
CASES = "".join(f'\n[[cases]]\ninput = "{word} case"\ncontains = ["{word}"]\n' for word in WORDS)


class HoldingModel:
    """Answers what has "first" in it at once, and of trials nothing else before it is let go."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.server = OpenAIServer(otherwise=self._act)

    def _act(self, body: Mapping[str, Any]) -> Act:
        is_trial = body["messages"][0]["content"].startswith((LIVE, DRAFT))
        answer = echo(body)
        return Held(self.go_on, answer) if is_trial and "first" not in str(answer.text) else answer

    def trials(self, word: str) -> Counter[tuple[str, str]]:
        """Count what was asked with a word in it, by the beginning of the system prompt and the question."""
        asked = [(body["messages"][0]["content"], body["messages"][-1]["content"]) for body in self.server.bodies]
        return Counter((prompt, text) for prompt, text in asked if word in text and prompt.startswith((LIVE, DRAFT)))


@asynccontextmanager
async def console(cluster: Cluster, service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    """Reach the API of a process, as programs of its own user do."""
    found = re.findall(r"console=(http://[\d.:]+)", service.log.read_text())
    token = (cluster.folder / "data" / "access-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Language": "en"}
    async with httpx2.AsyncClient(base_url=found[-1], headers=headers, trust_env=False, timeout=60) as client:
        yield client


async def events(
    client: httpx2.AsyncClient, path: str, *, until: tuple[str, int] | None = None, after: str = ""
) -> list[tuple[str, str, Any]]:
    """Follow a job until so many events of a kind have come, or to its end; give number, kind and data of all."""
    got: list[tuple[str, str, Any]] = []
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
    async with (
        asyncio.timeout(90),
        client.stream("GET", f"/api/v1/{path}/events", headers=headers) as s,
    ):
        fields: dict[str, str] = {}
        async for line in s.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
                continue
            if "event" in fields:
                got.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
            fields = {}
            if until is not None and sum(kind == until[0] for _, kind, _ in got) == until[1]:
                return got
    assert until is None, f"it ended before: {got}"
    return got


async def begin(client: httpx2.AsyncClient, path: str, body: Mapping[str, Any]) -> str:
    answer = await client.post(f"/api/v1/{path}", json=body)
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


async def state_of(client: httpx2.AsyncClient, path: str) -> str:
    return str((await client.get(f"/api/v1/{path}")).json()["state"])


async def archive_of(client: httpx2.AsyncClient, export: str) -> list[str]:
    """Wait for an export and give the texts in it."""
    *_, (_, _, ended) = await events(client, f"exports/{export}")
    assert ("done", len(WORDS)) == (ended["state"], ended["done"])
    file = await client.get(f"/api/v1/exports/{export}/file")
    assert 200 == file.status_code, file.text
    with zipfile.ZipFile(io.BytesIO(file.content)) as opened:
        return [json.loads(line)["text"] for line in opened.read("transcripts.jsonl").decode().splitlines()]


async def lease_ends(url: str) -> None:
    """Let a minute pass for the jobs of a process that is gone."""
    database = await asyncio.to_thread(open_database, url)
    async with database.write() as connection:
        await connection.execute(update(jobs).values(lease_until=1.0))
    await database.close()


async def test_the_next_process_goes_on_with_the_jobs_of_one_that_was_killed(
    tmp_path: Path, forks: ForkServer, database_url: str
) -> None:
    model = HoldingModel()
    chain = f'description = "chat"\nsystem_prompt = "{LIVE}"\n'
    (tmp_path / "chains").mkdir()
    (tmp_path / "chains" / "default.toml").write_text(chain, encoding="utf-8")
    async with (
        model.server as server,
        Cluster(
            tmp_path,
            database_url=database_url,
            model_url=server.base_url,
            forks=forks,
            settings={"WEBOT_REPLAY__USERS": '["*"]'},
        ) as cluster,
    ):
        first = await cluster.serve()
        model.go_on.set()
        letters = [cluster.letter(f"u{number}", f"{word} question") for number, word in enumerate(WORDS)]
        for letter in letters:
            await post_all(first.port, [letter.request()], connections=1)
        for number in range(len(WORDS)):
            await cluster.delivered(f"u{number}", count=1)
        model.go_on.clear()
        server.asked.clear()

        async with console(cluster, first) as client:
            draft = f'description = "chat"\nsystem_prompt = "{DRAFT}"\n{CASES}'
            tested = await begin(client, "chains/default/test", {"chain": draft})
            replayed = await begin(client, "chains/default/replay", {"chain": draft, "last": 3, "fresh": True})
            cancelled = await begin(client, "chains/default/test", {"chain": draft.replace(' case"', ' other"')})
            assert 200 == (await client.post(f"/api/v1/{JOBS}/{cancelled}/cancel")).status_code
            seen = {
                tested: await events(client, f"{JOBS}/{tested}", until=("case", 1)),
                replayed: await events(client, f"{JOBS}/{replayed}", until=("pair", 1)),
            }
            exported = [await begin(client, "exports", {"format": "jsonl", "masked": False}) for _ in range(3)]
            await first.kill()
        if not database_url.startswith("sqlite"):
            await lease_ends(database_url)
        second = await cluster.serve()
        model.go_on.set()
        async with console(cluster, second) as client:
            whole = {
                job: await events(
                    client, f"{JOBS}/{job}", until=("end", 1), after=[number for number, *_ in events_ if number][-1]
                )
                for job, events_ in seen.items()
            }
            archives = [await archive_of(client, each) for each in exported]
            states = [await state_of(client, f"{JOBS}/{job}") for job in (tested, replayed, cancelled)]
            audit = (await client.get("/api/v1/audit?action=export")).json()["items"]

    assert sorted(f"{word} case" for word in WORDS) == sorted(
        data["input"] for _, kind, data in whole[tested] if kind == "case"
    )
    assert sorted(f"{word} question" for word in WORDS) == sorted(
        data["question"] for _, kind, data in whole[replayed] if kind == "pair"
    )
    assert ["done", "done", "cancelled"] == states
    # What was answered before the end is paid for once, also where answers known from elsewhere are not wanted.
    assert {1} == set(model.trials("first").values()), model.trials("first")
    for archive in archives:
        assert sorted([f"{word} question" for word in WORDS] + [f"echo: {word} question" for word in WORDS]) == sorted(
            archive
        )
    recorded = Counter(each["details"]["out"] for each in audit)
    assert {f"{what} {each}" for each in exported for what in ("console export", "download")} == set(recorded)
    # One that was written, and killed before the job was noted as done, is read and recorded twice.
    assert all(recorded[f"download {each}"] == 1 and recorded[f"console export {each}"] <= 2 for each in exported)
