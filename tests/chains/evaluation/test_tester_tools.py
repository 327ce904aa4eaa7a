"""Chains tried with their tools: the model is sent what it is sent in the service, and a rerun costs nothing."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from chains.evaluation.replay import ComparedAnswers, ReplayQuestion, add_up, page
from chains.evaluation.tester import AnswerCache, ChainTester, ToolTrace, TrialAnswer, describe_use
from chains.media.services import trial_media_services
from chains.models.registry import ModelRegistry
from chains.models.response import ModelCall
from chains.tooling.executor import ROUNDS
from chains.tooling.mcp import McpServers, open_servers
from chains.toolset import open_tool_registry
from pipeline.answer import ToolUse
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import NOON, open_chains_harness
from tests.chains.tooling.test_mcp import PROGRAM
from tests.chains.tools.test_tools import Script, chats, drawings
from tests.fakes.openai_server import Fails, OpenAIServer, Says

CLOCK = ChainConfig(name="default", tools=("current_time",))
DRAWS = ChainConfig(name="default", tools=("draw_picture",))


def wish(name: str, number: int = 1, arguments: str = "{}") -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def asks(*wishes: dict[str, Any], text: str | None = None) -> Says:
    return Says(text, tool_calls=wishes, finish="tool_calls")


@asynccontextmanager
async def trier(
    server: OpenAIServer,
    folder: Path | None = None,
    *,
    at: datetime = NOON,
    mcp: Mapping[str, Any] | None = None,
    models: Mapping[str, Any] | None = None,
    **options: object,
) -> AsyncIterator[ChainTester]:
    table = {"model": "test-model", "base_url": server.base_url, "max_retries": 0, **options}
    image = {"model": "painter", "base_url": server.base_url}
    settings = Settings.model_validate(
        {"models": {"default": table, "image": image, **(models or {})}, "mcp": mcp or {}}
    )
    # Reads the sentences, and loads libraries.
    words = await asyncio.to_thread(Catalogue, "zh")
    servers: McpServers = await asyncio.to_thread(open_servers, settings)
    tool_registry = await asyncio.to_thread(open_tool_registry, trial_media_services(settings), servers)
    known = ModelRegistry(settings, words)
    try:
        yield ChainTester(known, settings.chat, words, tool_registry, AnswerCache(folder), clock=lambda: at)
    finally:
        await known.aclose()
        await servers.aclose()


def same(body: Mapping[str, Any]) -> dict[str, Any]:
    """Give a request without what differs by the clock and the channel: digits a tool said, and whether it streams."""
    messages = [
        {**each, "content": re.sub(r"\d", "0", each["content"])} if each["role"] == "tool" else each
        for each in body["messages"]
    ]
    return {**{key: body[key] for key in body if not key.startswith("stream")}, "messages": messages}


@pytest.mark.parametrize(
    ("chain", "asked"),
    [
        pytest.param(CLOCK, wish("current_time", arguments='{"time_zone": "Asia/Tokyo"}'), id="the clock"),
        pytest.param(CLOCK, wish("rm_rf"), id="a tool that is none"),
        pytest.param(CLOCK, wish("current_time", arguments="[1"), id="garbled arguments"),
        pytest.param(DRAWS, wish("draw_picture", arguments='{"description": "cat"}'), id="a picture"),
    ],
)
async def test_a_trial_sends_what_the_service_sends(tmp_path: Path, chain: ChainConfig, asked: dict[str, Any]) -> None:
    lines = asks(asked, text="One moment."), Says("Here you are.")
    async with Script() as server:
        image = {"model": "painter", "base_url": server.base_url, "max_retries": 0}
        pictures = StoredImages(MediaFolder(tmp_path / "media"))
        server.says += lines
        async with open_chains_harness(server.base_url, chain=chain, models={"image": image}, pictures=pictures) as it:
            await it.outcome("hi")
        there = chats(server)
        drawn = len(drawings(server))
        server.says += lines
        async with trier(server) as asking:
            tried = await asking.ask(chain, "hi")
        here = chats(server)[len(there) :]

    assert drawn == len(drawings(server))
    assert [same(body) for body in there] == [same(body) for body in here]
    assert "tools" in here[0]
    assert "Here you are." == tried.text
    assert [asked["function"]["name"]] == [use.name for use in tried.tools]


async def test_no_picture_is_drawn_and_the_model_goes_on_as_if(server: OpenAIServer) -> None:
    server.script(asks(wish("draw_picture", arguments='{"description": "cat"}')), Says(""))
    async with trier(server) as it:
        tried = await it.ask(DRAWS, "draw a cat")

    assert [] == [asked.path for asked in server.asked if "images" in asked.path]
    assert ("画好了", ["done"]) == (tried.text[:3], [use.outcome for use in tried.tools])
    assert "no picture is drawn in a trial" in describe_use(tried.tools[0])


async def test_tools_are_told_between_the_words(server: OpenAIServer) -> None:
    asked = wish("current_time", arguments='{"time_zone": "Asia/Tokyo"}')
    server.script(asks(asked, text="Let me look."), Says("Nine."))
    async with trier(server) as it:
        pieces = [piece async for piece in it.stream(await it.prepare(CLOCK, "What time is it?"))]

    *_, tried = pieces
    place = next(place for place, piece in enumerate(pieces) if isinstance(piece, ToolTrace))
    tooled = pieces[place]
    assert isinstance(tooled, ToolTrace)
    assert isinstance(tried, TrialAnswer)
    assert "Let me look." == "".join(str(piece) for piece in pieces[:place])
    assert "Nine." == "".join(str(piece) for piece in pieces[place + 1 : -1]) == tried.text
    assert (tooled.use,) == tried.tools
    assert ("current_time", '{"time_zone": "Asia/Tokyo"}', "done") == (
        tooled.use.name,
        tooled.use.arguments,
        tooled.use.outcome,
    )


async def test_every_round_is_counted_and_paid(server: OpenAIServer) -> None:
    server.script(
        Says(None, tool_calls=(wish("current_time"),), finish="tool_calls", usage=(100, 5)),
        Says("Noon.", usage=(200, 7)),
    )
    async with trier(server, input_price=2.0, output_price=8.0) as it:
        tried = await it.ask(CLOCK, "hi")

    assert (300, 12, 300 * 2 + 12 * 8) == (tried.input_tokens, tried.output_tokens, tried.cost)
    assert (ModelCall("default", "test-model", 100, 0, 5), ModelCall("default", "test-model", 200, 0, 7)) == tried.calls


async def test_what_was_taken_before_a_failure_is_counted(server: OpenAIServer) -> None:
    server.script(asks(wish("current_time")), Fails(500))
    async with trier(server) as it:
        tried = await it.ask(CLOCK, "hi")

    assert "[models.default]: " in tried.error
    assert (11, 1) == (tried.input_tokens, len(tried.tools))


async def test_a_model_may_ask_for_tools_so_often_as_in_the_service() -> None:
    async with (
        OpenAIServer(otherwise=lambda _: asks(wish("current_time"), text="again")) as server,
        trier(server) as it,
    ):
        tried = await it.ask(CLOCK, "hi")

    assert ROUNDS + 1 == len(server.bodies)
    assert "none" == server.bodies[-1]["tool_choice"]
    assert "again" == tried.text


async def test_a_model_that_takes_no_tools_is_asked_without(server: OpenAIServer) -> None:
    server.script(Fails(400))
    async with trier(server) as it:
        first = await it.ask(CLOCK, "one")
        await it.ask(CLOCK, "two")

    assert "" == first.error
    assert [True, False, False] == ["tools" in body for body in server.bodies]


async def test_an_answer_with_tools_costs_nothing_again_that_day(server: OpenAIServer, tmp_path: Path) -> None:
    server.script(asks(wish("current_time")), Says("Noon."), Says("Another day."))
    async with trier(server, tmp_path) as it:
        first = await it.ask(CLOCK, "hi")
    async with trier(server, tmp_path, at=NOON + timedelta(minutes=1)) as it:
        again = await it.ask(CLOCK, "hi")
    async with trier(server, tmp_path, at=NOON + timedelta(days=1)) as it:
        later = await it.ask(CLOCK, "hi")

    assert (False, True, False) == (first.cached, again.cached, later.cached)
    assert (first.text, first.tools, first.cost) == (again.text, again.tools, again.cost)
    assert "Another day." == later.text


async def test_an_answer_without_tools_is_kept_for_longer(server: OpenAIServer, tmp_path: Path) -> None:
    plain = ChainConfig(name="default")
    async with trier(server, tmp_path) as it:
        await it.ask(plain, "hi")
    async with trier(server, tmp_path, at=datetime(2030, 1, 1, tzinfo=UTC)) as it:
        again = await it.ask(plain, "hi")

    assert again.cached


async def test_the_tools_offered_are_a_part_of_the_question(server: OpenAIServer, tmp_path: Path) -> None:
    async with trier(server, tmp_path) as it:
        answers = [await it.ask(ChainConfig(name="default", tools=tools), "hi") for tools in ((), CLOCK.tools)]

    assert [False, False] == [answer.cached for answer in answers]


@pytest.mark.parametrize("junk", ["", "{", "[]", "3", '{"text": "old", "table": "default"}'])
async def test_an_answer_that_cannot_be_read_is_asked_for_again(
    server: OpenAIServer, tmp_path: Path, junk: str
) -> None:
    async with trier(server, tmp_path) as it:
        await it.ask(CLOCK, "hi")
        (file,) = await asyncio.to_thread(lambda: list(tmp_path.glob("*.json")))
        await asyncio.to_thread(file.write_text, junk)
        again = await it.ask(CLOCK, "hi")

    assert ("", False) == (again.error, again.cached)


async def test_tools_of_a_server_are_used_and_their_failures_not_kept(server: OpenAIServer, tmp_path: Path) -> None:
    pytest.importorskip("langchain_mcp_adapters.tools", reason="webot[mcp] is not installed")
    chain = ChainConfig(name="default", tools=("mcp.pretend",))
    add = wish("pretend_add", arguments='{"a": 2, "b": 3}')
    server.script(asks(add), Says("Five."), asks(wish("pretend_break_")), Says("No luck."), Says("Luck."))
    async with trier(server, tmp_path, mcp={"pretend": PROGRAM}) as it:
        added = await it.ask(chain, "2 + 3?")
        broken = await it.ask(chain, "break")
        again = await it.ask(chain, "break")

    assert "pretend_add" in [tool["function"]["name"] for tool in server.bodies[0]["tools"]]
    assert "5" == server.bodies[1]["messages"][-1]["content"]
    assert ["Five.", "No luck.", "Luck."] == [added.text, broken.text, again.text]
    assert [["done"], ["failed"], []] == [[use.outcome for use in each.tools] for each in (added, broken, again)]


def test_a_report_says_which_tools_were_used() -> None:
    clock = ToolUse("current_time", '{"time_zone": "<b>"}', "done", 3)
    live = TrialAnswer(text="same", tools=(clock,))
    compared = [
        ComparedAnswers(
            ReplayQuestion(1, "one"),
            live,
            TrialAnswer(text="same", tools=(ToolUse("current_time", clock.arguments, "done", 9),)),
        ),
        ComparedAnswers(
            ReplayQuestion(2, "two"), live, TrialAnswer(text="same", tools=(ToolUse("look", "", "failed", 7),))
        ),
    ]
    written = page("hr", ("aaa", "bbb"), compared, words=Catalogue("en"))

    assert "0 of 2 answers changed" in written
    assert "current_time {&quot;time_zone&quot;: &quot;&lt;b&gt;&quot;}: done, 3 ms" in written
    assert "look: failed, 7 ms" in written
    assert "9 ms" not in written
    assert 2 == add_up([each.live for each in compared]).tools
