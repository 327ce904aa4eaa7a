"""Other settings under chains that answer: what is taken over, what is refused, and what a turn under way keeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.files import open_chain_files
from chains.commands import all_commands
from chains.router import Chains, open_chains
from pipeline.answer import Outcome
from pipeline.errors import SettingsInvalid
from pipeline.replies import TextReply
from pipeline.settings import Settings
from tests.chains.harness import CountingStopper, RecentMemory, ask
from tests.fakes.openai_server import Fails, Held, OpenAIServer, Says

BIG = 'description = "人事"\ncommand = "@hr"\nmodel = "big"\nsystem_prompt = "hr"\n'


def settings(folder: Path, server: OpenAIServer, **tables: dict[str, Any]) -> Settings:
    models = {name: {"base_url": server.base_url, "max_retries": 0, **table} for name, table in tables.items()}
    return Settings.model_validate({"models": models, "storage": {"data_dir": str(folder)}})


class Reload:
    """Opens chains over one folder, for one settings after another, as the service does."""

    def __init__(self, folder: Path) -> None:
        first = Settings.model_validate({"storage": {"data_dir": str(folder)}})
        self.files = open_chain_files(first, reserved=all_commands().words)

    async def open(self, wanted: Settings, former: Chains | None = None) -> Chains:
        """Open chains, in the place of the former ones where there are some."""
        chains = await asyncio.to_thread(
            open_chains,
            wanted,
            memory=RecentMemory(),
            stopper=CountingStopper(),
            read_catalog=self.files.open if former is None else self.files.preview,
            former=former,
        )
        if former is not None:
            self.files.apply(chains.services.requirements, chains.catalog)
        return chains


@pytest.fixture
def it(tmp_path: Path) -> Reload:
    return Reload(tmp_path)


@asynccontextmanager
async def changed(it: Reload, first: Settings, then: Settings) -> AsyncIterator[tuple[Chains, Chains]]:
    """Open chains, and others in their place."""
    former = await it.open(first)
    try:
        fresh = await it.open(then, former)
        try:
            yield former, fresh
        finally:
            await fresh.aclose()
    finally:
        await former.aclose()


async def write(folder: Path, name: str, text: str) -> None:
    def save() -> None:
        (folder / "chains").mkdir(parents=True, exist_ok=True)
        (folder / "chains" / f"{name}.toml").write_text(text, encoding="utf-8")

    await asyncio.to_thread(save)


async def said(chains: Chains, text: str) -> str:
    last = [step async for step in chains.answer(ask(text))][-1]
    assert isinstance(last, Outcome)
    (reply,) = last.replies
    assert isinstance(reply, TextReply)
    return reply.text


async def test_an_answer_begun_before_ends_on_its_own_model(tmp_path: Path, server: OpenAIServer, it: Reload) -> None:
    go = asyncio.Event()
    server.script(Held(go, Says("old")), Says("new"))
    former = await it.open(settings(tmp_path, server, default={"model": "one"}))
    under_way = asyncio.create_task(said(former, "问"))
    await server.until(lambda: len(server.asked) == 1)
    fresh = await it.open(settings(tmp_path, server, default={"model": "other"}), former)
    answer = await said(fresh, "再问")
    go.set()

    assert ["new", "old"] == [answer, await under_way]
    assert ["one", "other"] == [body["model"] for body in server.bodies]
    await former.aclose()
    await fresh.aclose()


async def test_what_answered_before_keeps_its_book(tmp_path: Path, server: OpenAIServer, it: Reload) -> None:
    await write(tmp_path, "hr", BIG)
    first = settings(tmp_path, server, default={"model": "m"})
    then = settings(tmp_path, server, default={"model": "m"}, big={"model": "b"})
    async with changed(it, first, then) as (former, fresh):
        assert "b" == fresh.model("hr")
        assert "hr" in fresh.catalog.names
        assert "hr" not in former.catalog.names
        # It knows no model `big`: to it the word is only text.
        assert "echo: @hr 年假" == await said(former, "@hr 年假")
        assert "echo: 年假" == await said(fresh, "@hr 年假")

    assert ["m", "b"] == [body["model"] for body in server.bodies]


async def test_a_model_that_a_chain_answers_by_cannot_go(tmp_path: Path, server: OpenAIServer, it: Reload) -> None:
    await write(tmp_path, "hr", BIG)
    former = await it.open(settings(tmp_path, server, default={"model": "m"}, big={"model": "b"}))
    with pytest.raises(SettingsInvalid) as raised:
        await it.open(settings(tmp_path, server, default={"model": "m"}), former)

    assert ("chain 'hr' answers people now and could not go on: model: found 'big', there are default",) == (
        raised.value.problems
    )
    assert "echo: 年假" == await said(former, "@hr 年假")
    await former.aclose()


async def test_a_chain_whose_file_is_broken_goes_on_under_other_settings(
    tmp_path: Path, server: OpenAIServer, it: Reload
) -> None:
    await write(tmp_path, "hr", BIG.replace('"big"', '"default"'))
    former = await it.open(settings(tmp_path, server, default={"model": "one"}))
    await write(tmp_path, "hr", "= broken")
    await asyncio.to_thread(it.files.load)
    fresh = await it.open(settings(tmp_path, server, default={"model": "other"}), former)

    assert "echo: 年假" == await said(fresh, "@hr 年假")
    assert "other" == server.bodies[0]["model"]
    assert 1 == len(fresh.catalog.problems)
    await former.aclose()
    await fresh.aclose()


async def test_a_model_that_rests_goes_on_resting_while_its_table_stays(
    tmp_path: Path, server: OpenAIServer, it: Reload
) -> None:
    tired, well = {"model": "tired", "fallbacks": ["well"]}, {"model": "well"}
    for _ in range(3):
        server.script(Fails(500), Says("instead"))
    first = settings(tmp_path, server, default=tired, well=well)
    former = await it.open(first)
    for _ in range(3):
        await said(former, "问")
    same = await it.open(first.model_copy(update={"chat": first.chat.model_copy(update={"turns": 3})}), former)
    await said(same, "问")
    other = await it.open(settings(tmp_path, server, default={**tired, "temperature": 0.5}, well=well), same)
    await said(other, "问")

    assert ["well", "tired"] == [body["model"] for body in server.bodies[6:]]
    for each in (former, same, other):
        await each.aclose()
