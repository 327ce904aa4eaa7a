"""Tools of MCP servers: real ones, as a program over stdio and over HTTP on this machine."""

import asyncio
import json
import os
import re
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.tooling.mcp import open_servers, unknown_tools
from chains.tooling.mcp_client import McpConnection, callable_names
from pipeline.answer import Outcome
from pipeline.errors import SettingsInvalid
from pipeline.replies import TextReply
from pipeline.settings import McpTable, Settings
from pipeline.text.i18n import Catalogue, in_language
from tests.chains.harness import ChainsHarness, open_chains_harness, remembered
from tests.fakes.openai_server import OpenAIServer, Says

pytest.importorskip("langchain_mcp_adapters.tools", reason="webot[mcp] is not installed")

ROOT = Path(__file__).parents[3]
PROGRAM = {
    "command": sys.executable,
    "args": ("-m", "tests.fakes.mcp_server", "stdio"),
    "env": {"PRETEND_KEY": "k-1", "PYTHONPATH": str(ROOT)},
}


def chain(*tools: str) -> ChainConfig:
    return ChainConfig(name="default", tools=tools)


def wish(name: str, number: int = 1, arguments: str = "{}") -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def asks(*wishes: dict[str, Any]) -> Says:
    return Says(None, tool_calls=wishes, finish="tool_calls")


@asynccontextmanager
async def serving(server: OpenAIServer, *names: str, **table: object) -> AsyncIterator[ChainsHarness]:
    pretend = table if "url" in table else {**PROGRAM, **table}
    async with open_chains_harness(
        server.base_url, chain=chain(*(names or ("mcp.pretend",))), mcp={"pretend": pretend}
    ) as it:
        # A busy machine takes its time to start a program; an answer would not wait so long.
        await it.chains.services.tool_registry.servers.offers(["mcp.pretend"], patience=60)
        yield it


def offered(server: OpenAIServer, place: int = 0) -> list[str]:
    return [tool["function"]["name"] for tool in server.bodies[place].get("tools", ())]


def tool_answers(server: OpenAIServer, place: int = -1) -> list[str]:
    return [each["content"] for each in server.bodies[place]["messages"] if each["role"] == "tool"]


def answer(outcome: Outcome) -> str:
    (reply,) = outcome.replies
    assert isinstance(reply, TextReply)
    return reply.text


async def test_a_model_uses_a_tool_of_a_program(server: OpenAIServer) -> None:
    server.script(asks(wish("pretend_add", arguments='{"a": 2, "b": 3}')), Says("五。"))
    async with serving(server) as it:
        outcome = await it.outcome("2 加 3？")

    assert "五。" == answer(outcome)
    assert "pretend_add" in offered(server)
    (add,) = [each["function"] for each in server.bodies[0]["tools"] if each["function"]["name"] == "pretend_add"]
    assert ("Add two numbers.", ["a", "b"]) == (add["description"], add["parameters"]["required"])
    assert ["5"] == tool_answers(server)
    (use,) = remembered(outcome).provenance.tools
    assert ("pretend_add", '{"a": 2, "b": 3}', "done") == (use.name, use.arguments, use.outcome)


async def test_a_chain_names_single_tools(server: OpenAIServer) -> None:
    async with serving(server, "mcp.pretend.add", "mcp.pretend.who.am-I", "current_time") as it:
        await it.outcome("你好")

    assert ["current_time", "pretend_add", "pretend_who_am-I"] == sorted(offered(server))


async def test_the_settings_allow_so_many_tools_and_no_more(server: OpenAIServer) -> None:
    async with serving(server, tools=("add", "nosuch")) as it:
        await it.outcome("你好")

    assert ["pretend_add"] == offered(server)


async def test_a_program_gets_its_own_variables_and_none_of_ours(server: OpenAIServer) -> None:
    os.environ["WEBOT_SECRET"] = "s-1"
    server.script(asks(wish("pretend_who_am-I")), Says("好。"))
    try:
        async with serving(server) as it:
            await it.outcome("你是谁？")
    finally:
        del os.environ["WEBOT_SECRET"]

    assert ["k-1 None"] == tool_answers(server)


async def test_what_fails_there_is_told_and_the_answer_comes(server: OpenAIServer) -> None:
    wishes = [
        wish("pretend_break_"),
        wish("pretend_add", 2, '{"a": "x"}'),
        wish("pretend_look", 3),
        wish("pretend_measure", 4),
    ]
    server.script(asks(*wishes), Says("好吧。"))
    async with serving(server) as it:
        outcome = await it.outcome("试试")

    broke, unfit, looked, measured = tool_answers(server)
    assert "the cellar is locked" in broke
    assert "validation error" in unfit
    assert "a cat\n[image left out]" == looked
    assert '[image left out]\n{"temperature": 21}' == measured
    assert ["failed", "failed", "done", "done"] == [use.outcome for use in remembered(outcome).provenance.tools]


async def test_much_text_is_cut(server: OpenAIServer) -> None:
    server.script(asks(wish("pretend_long", arguments='{"size": 100000}')), Says("好。"))
    async with serving(server) as it:
        await it.outcome("说")

    assert tool_answers(server)[0].endswith("[84000 more characters are left out]")


async def test_a_tool_that_dawdles_is_given_up_and_the_server_goes_on(server: OpenAIServer) -> None:
    server.script(
        asks(wish("pretend_dawdle")),
        Says("算了。"),
        asks(wish("pretend_add", arguments='{"a": 1, "b": 1}')),
        Says("二。"),
    )
    async with serving(server, timeout=6.0) as it:
        first = await it.outcome("等")
        second = await it.outcome("1 加 1？")

    assert ["算了。", "二。"] == [answer(first), answer(second)]
    assert ["timeout"] == [use.outcome for use in remembered(first).provenance.tools]
    assert ["2"] == tool_answers(server)


async def test_a_program_that_dies_is_started_anew(server: OpenAIServer) -> None:
    again = asks(wish("pretend_add", arguments='{"a": 1, "b": 1}'))
    server.script(asks(wish("pretend_die")), Says("断了。"), again, Says("二。"))
    async with serving(server, timeout=60.0) as it:
        first = await it.outcome("再见")
        second = await it.outcome("1 加 1？")

    assert ["断了。", "二。"] == [answer(first), answer(second)]
    assert ["failed"] == [use.outcome for use in remembered(first).provenance.tools]
    assert ["2"] == tool_answers(server)


@pytest.mark.parametrize(
    "table",
    [
        {"command": "/nonexistent/program", "args": ()},
        {"command": sys.executable, "args": ("-c", "print('not the protocol')")},
        {"command": sys.executable, "args": ("-c", "import time; time.sleep(60)"), "timeout": 0.2},
        {"transport": "streamable_http", "url": "http://127.0.0.1:9/mcp"},
        {"transport": "sse", "url": "http://127.0.0.1:9/sse"},
    ],
    ids=["no such program", "another protocol", "silence", "nobody at the address", "nobody at the older address"],
)
async def test_a_server_that_is_not_there_does_not_keep_an_answer_back(
    server: OpenAIServer, table: dict[str, object]
) -> None:
    async with serving(server, "mcp.pretend", "current_time", **table) as it:
        said = [await it.said("你好"), await it.said("再来")]

    assert ["echo: 你好", "echo: 再来"] == said
    assert ["current_time"] == offered(server)


async def test_closing_ends_the_program(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = (
        f"import os; open({str(pid)!r}, 'w').write(str(os.getpid()));"
        " from tests.fakes.mcp_server import build; build().run()"
    )
    table = McpTable.model_validate({**PROGRAM, "args": ("-c", script)})
    await asyncio.to_thread(open_servers, Settings(mcp={"pretend": table}))
    server = McpConnection("pretend", table)
    offers = await server.offers(patience=20)
    await server.aclose()

    assert "add" in offers
    with pytest.raises(ProcessLookupError):
        os.kill(int(await asyncio.to_thread(pid.read_text)), 0)


@pytest.fixture(params=["streamable_http", "sse"])
async def address(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, str]]:
    """A server on a port of this machine: its transport and its address."""
    from tests.fakes.mcp_server import build  # noqa: PLC0415 - an extra

    built = build()
    app = built.streamable_http_app() if request.param == "streamable_http" else built.sse_app()
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    # In a thread of its own: the test's loop is watched for whatever blocks it.
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    path = "/mcp" if request.param == "streamable_http" else "/sse"
    yield request.param, f"http://127.0.0.1:{listening.getsockname()[1]}{path}"
    running.should_exit = True
    await asyncio.to_thread(thread.join, 20)


async def test_a_model_uses_a_tool_at_an_address(server: OpenAIServer, address: tuple[str, str]) -> None:
    transport, url = address
    server.script(asks(wish("pretend_add", arguments='{"a": 2, "b": 3}'), wish("pretend_header", 2)), Says("五。"))
    async with serving(server, transport=transport, url=url, headers={"X-Key": "k-2"}) as it:
        outcome = await it.outcome("2 加 3？")

    assert "五。" == answer(outcome)
    assert ["5", "k-2"] == tool_answers(server)


async def test_more_than_a_tool_may_say_at_an_address_is_not_taken(
    server: OpenAIServer, address: tuple[str, str]
) -> None:
    transport, url = address
    arguments = json.dumps({"size": 5 * 2**20})
    server.script(asks(wish("pretend_long", arguments=arguments)), Says("算了。"))
    async with serving(server, transport=transport, url=url) as it:
        outcome = await it.outcome("说")

    assert "算了。" == answer(outcome)
    assert ["failed"] == [use.outcome for use in remembered(outcome).provenance.tools]


def test_tools_of_two_servers_that_models_know_by_one_name_are_told_at_the_start() -> None:
    tables = {
        "docs": {"command": "x", "tools": ("en_search",)},
        "docs_en": {"command": "x", "tools": ("search", "look")},
    }
    with pytest.raises(SettingsInvalid) as refused:
        open_servers(Settings.model_validate({"mcp": tables}))

    (problem,) = refused.value.problems
    assert (
        "[mcp.docs_en].tools: mcp.docs.en_search and mcp.docs_en.search are both docs_en_search to models;"
        " rename one of the two tables"
    ) == problem
    assert "请给其中一张表改名" in in_language(problem, Catalogue("zh"))


async def test_tools_that_turn_out_to_have_one_name_are_both_offered_and_logged_once(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(
        "from mcp.server.fastmcp import FastMCP\n"
        "server = FastMCP('x')\n"
        "for name in ('b_c', 'c'):\n"
        "    server.tool(name)(lambda: name)\n"
        "server.run()\n"
    )
    table = {"command": sys.executable, "args": (str(program),)}
    servers = await asyncio.to_thread(open_servers, Settings.model_validate({"mcp": {"a": table, "a_b": table}}))
    with capture_logs() as logged:
        first, again = [await servers.offers(["mcp.a", "mcp.a_b"], patience=30) for _ in range(2)]
    tool_answers = [each for each in logged if each["event"] == "mcp_tools_coincide"]
    examined = await servers.examine(["mcp.a", "mcp.a_b"])
    await servers.aclose()

    assert ["tools: mcp.a.b_c and mcp.a_b.c are both a_b_c to models; rename one of the two tables"] == [
        *examined.missing
    ]

    assert first.keys() == again.keys()
    assert 4 == len(first)
    assert [("mcp.a_b.c", "a_b_c")] == [(each["tool"], each["called"]) for each in tool_answers]
    assert all(name == offer.tool.name for name, offer in first.items())


def test_a_chain_may_name_only_what_is_set_up() -> None:
    some = Settings.model_validate({"mcp": {"pretend": {"command": "x", "tools": ("add",)}}})

    assert [] == list(unknown_tools(["mcp.pretend", "mcp.pretend.add", "current_time"], some))
    assert ["tools: found 'mcp.docs', there are \"mcp.pretend\""] == list(unknown_tools(["mcp.docs.search"], some))
    assert ["tools: found 'mcp.pretend.die', [mcp.pretend].tools allows add"] == list(
        unknown_tools(["mcp.pretend.die"], some)
    )
    assert "no MCP servers" in next(unknown_tools(["mcp.docs"], Settings()))


async def test_a_chain_that_names_another_server_is_not_used(server: OpenAIServer) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        async with open_chains_harness(server.base_url, catalog=ChainCatalog({"default": chain("mcp.docs")})):
            pass

    assert any("tools: found 'mcp.docs'" in problem for problem in refused.value.problems)


async def test_a_tool_that_its_server_has_not_is_logged_once(server: OpenAIServer) -> None:
    async with serving(server, "mcp.pretend.ad", "mcp.pretend.look", "current_time") as it:
        servers = it.chains.services.tool_registry.servers
        with capture_logs() as logged:
            for _ in range(2):
                await it.outcome("你好")
        offered_names = await servers.offers(["mcp.pretend"])

    assert ["mcp.pretend.ad"] == [each["tool"] for each in logged if each["event"] == "mcp_tool_unknown"]
    assert set(callable_names("pretend", ["查天气", "查航班"]).values()) <= set(offered_names)


@pytest.mark.parametrize(
    "tools",
    [
        pytest.param(["查天气", "查航班"], id="Chinese"),
        pytest.param(["a" * 70 + "1", "a" * 70 + "2"], id="the same in their first 64 characters"),
        pytest.param(["get.weather", "get_weather", "get weather"], id="the same but for signs"),
        pytest.param(["天气 v1", "天气.v1", "Wetter", "größe", "gr__e"], id="all sorts"),
    ],
)
def test_every_tool_has_a_name_of_its_own_that_models_may_call(tools: list[str]) -> None:
    names = callable_names("server", tools)

    assert len(tools) == len(set(names.values()))
    assert all(re.fullmatch(r"server_[a-zA-Z0-9_-]{1,57}", name) for name in names.values())
    for tool in tools:
        if not tool.isascii() or len(tool) > 57:
            assert names[tool] == callable_names("server", [tool])[tool], "whatever else the server has"


async def test_a_misspelt_tool_is_named_and_a_server_that_is_away_is_told() -> None:
    away = {"transport": "streamable_http", "url": "http://127.0.0.1:9/mcp"}
    settings = Settings.model_validate({"mcp": {"pretend": PROGRAM, "away": away}}, strict=False)
    servers = await asyncio.to_thread(open_servers, settings)
    try:
        found = await servers.examine(["mcp.pretend.add", "mcp.pretend.ad", "mcp.away", "current_time"], patience=60)
    finally:
        await servers.aclose()

    (missing,), (gone,) = found.missing, found.away
    assert "tools: the server pretend has no tool 'ad'; it has add, " in missing
    assert "tools: the MCP server away cannot be reached now (" in gone
