"""Tools in general: which a chain may name, what a model is told of them, and what is kept of their use."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, tool

from chains.catalog.config import ChainConfig, parse_chain
from chains.media.services import MediaServices
from chains.tooling.executor import MOST_CHARACTERS, ToolExecutor, truncate_tool_output
from chains.tooling.tool import MOST_USES, BoundTool, request_of
from chains.tools import tool_names
from chains.toolset import open_tool_registry, tools_of
from pipeline.answer import Notice, ToolUse
from pipeline.errors import ChainInvalid
from pipeline.replies import TextReply
from pipeline.text.i18n import Catalogue
from tests.chains.harness import ask, open_chains_harness, remembered
from tests.fakes.openai_server import OpenAIServer, Says

CLOCK = ChainConfig(name="default", tools=("current_time",))


def wish(name: str, number: int = 1, arguments: str = "{}") -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def called(name: str, number: int = 1, **arguments: object) -> Any:  # noqa: ANN401 - the library's typed dict
    return {"name": name, "args": arguments, "id": f"call_{number}", "type": "tool_call"}


def toolbox(*tools: BaseTool, seconds: float = 20.0, most: int = MOST_USES) -> ToolExecutor:
    return ToolExecutor({each.name: BoundTool(each, seconds, most) for each in tools}, ask("hello"), Catalogue("zh"))


@pytest.mark.parametrize("streams", [False, True])
async def test_a_model_is_told_the_time_when_it_asks(server: OpenAIServer, *, streams: bool) -> None:
    server.script(Says(None, tool_calls=(wish("current_time"),), finish="tool_calls"), Says("星期天。"))
    async with open_chains_harness(server.base_url, chain=CLOCK) as it:
        steps = await it.steps("今天星期几？", streams=streams)

    first, second = server.bodies
    (offered,) = first["tools"]
    assert ("current_time", ["time_zone"]) == (
        offered["function"]["name"],
        list(offered["function"]["parameters"]["properties"]),
    )
    asked, result = second["messages"][-2:]
    assert "current_time" == asked["tool_calls"][0]["function"]["name"]
    assert ("tool", "call_1") == (result["role"], result["tool_call_id"])
    assert f"{datetime.now().astimezone():%Y-%m-%d}" == result["content"][:10]
    assert [] == [step for step in steps if isinstance(step, Notice)]


async def test_what_was_used_is_kept_with_the_answer(server: OpenAIServer) -> None:
    asks = wish("current_time", arguments='{"time_zone": "Asia/Tokyo"}')
    server.script(Says(None, tool_calls=(asks, wish("rm_rf", 2)), finish="tool_calls"), Says("九点。"))
    async with open_chains_harness(server.base_url, chain=CLOCK) as it:
        said = remembered(await it.outcome("东京几点？"))

    first, second = said.provenance.tools
    assert ToolUse("current_time", '{"time_zone": "Asia/Tokyo"}', "done", first.milliseconds) == first
    assert ToolUse("rm_rf", "", "refused") == second


async def test_an_answer_without_tools_keeps_none(server: OpenAIServer) -> None:
    async with open_chains_harness(server.base_url, chain=CLOCK) as it:
        said = remembered(await it.outcome("你好"))

    assert () == said.provenance.tools


@pytest.mark.parametrize("streams", [False, True])
async def test_garbled_arguments_are_said_to_the_model(server: OpenAIServer, *, streams: bool) -> None:
    garbled = wish("current_time", arguments='["Asia/Tokyo"')
    server.script(Says(None, tool_calls=(garbled,), finish="tool_calls"), Says("那就不看了。"))
    async with open_chains_harness(server.base_url, chain=CLOCK) as it:
        outcome = (await it.steps("几点？", streams=streams))[-1]

    asked, result = server.bodies[1]["messages"][-2:]
    assert '["Asia/Tokyo"' == asked["tool_calls"][0]["function"]["arguments"]
    assert result["content"].startswith("Not done")
    assert TextReply("那就不看了。") == outcome.replies[0]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("Asia/Tokyo", "UTC+09:00 (Asia/Tokyo)"), ("../../etc/passwd", "Not known"), ("x" * 999, "Not known")],
)
async def test_the_clock_knows_time_zones(zone: str, expected: str) -> None:
    shed = await asyncio.to_thread(open_tool_registry, MediaServices())
    (result,) = await toolbox(shed.offers["current_time"].tool).use([called("current_time", time_zone=zone)])

    assert expected in result.message.text


async def test_tools_asked_for_together_run_together_and_answer_in_order() -> None:
    both = asyncio.Barrier(2)

    @tool
    async def meet(who: str) -> str:
        """Wait for the other one."""
        async with asyncio.timeout(30):
            await both.wait()
        return who

    result = await toolbox(meet).use([called("meet", 1, who="a"), called("meet", 2, who="b")])

    assert [("call_1", "a"), ("call_2", "b")] == [(each.message.tool_call_id, each.message.text) for each in result]


async def test_a_tool_that_takes_too_long_is_given_up() -> None:
    @tool
    async def wait() -> str:
        """Wait."""
        await asyncio.Event().wait()
        return ""

    box = toolbox(wait, seconds=0.01)
    (result,) = await box.use([called("wait")])

    assert result.message.text.startswith("The tool failed")
    assert ["timeout"] == [result.use.outcome]


async def test_what_a_broken_tool_says_stays_with_us() -> None:
    @tool
    async def leak() -> str:
        """Break."""
        raise RuntimeError("password 123")

    box = toolbox(leak)
    (result,) = await box.use([called("leak")])

    assert result.message.text.startswith("The tool failed")
    assert "123" not in result.message.text
    assert ["failed"] == [result.use.outcome]


async def test_a_long_result_is_cut() -> None:
    result = truncate_tool_output("x" * (MOST_CHARACTERS + 5))

    assert result.endswith("\n[5 more characters are left out]")


async def test_an_answer_uses_so_many_tools_and_no_more() -> None:
    @tool
    async def count() -> str:
        """Count."""
        return "one"

    few = await toolbox(count, most=2).use([called("count", number) for number in range(3)])
    many = await toolbox(count).use([called("count", number) for number in range(MOST_USES + 1)])

    assert ["one", "one"] == [result.message.text for result in few if result.message.text == "one"]
    assert (MOST_USES, "error") == (sum(result.message.text == "one" for result in many), many[-1].message.status)


async def test_long_arguments_are_shortened_for_the_transcript() -> None:
    @tool
    async def read(text: str) -> str:
        """Read."""
        return str(len(text))

    box = toolbox(read)
    (result,) = await box.use([called("read", text="长" * 1000)])

    assert "1000" == result.message.text
    assert (200, "…") == (len(result.use.arguments), result.use.arguments[-1])


async def test_a_tool_knows_whom_it_works_for_and_no_model_sees_that() -> None:
    @tool
    async def whoami(config: RunnableConfig) -> str:
        """Say who asks."""
        return request_of(config).event.sender.user

    box = toolbox(whoami)
    (result,) = await box.use([called("whoami")])

    assert "alice" == result.message.text
    assert {} == box.offers["whoami"].schema["function"]["parameters"]["properties"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A package of tools outside the program."""
    package = tmp_path / "toolsoutside"
    package.mkdir()
    (package / "__init__.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    yield package
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "toolsoutside"]:
        del sys.modules[name]


def test_a_file_added_is_a_tool_offered(folder: Path) -> None:
    (folder / "dice.py").write_text(
        "from langchain_core.tools import tool\n"
        "from chains.tooling.tool import Tool\n"
        "@tool\n"
        "async def dice() -> str:\n"
        "    '''Throw a die.'''\n"
        "    return '4'\n"
        "TOOL = Tool('dice', lambda senses: dice)\n"
    )

    assert ["dice"] == [each.name for each in tools_of("toolsoutside", ["dice"])]


def test_a_file_that_is_no_tool_says_what_it_lacks(folder: Path) -> None:
    (folder / "dice.py").write_text("")

    with pytest.raises(TypeError, match=r"toolsoutside/dice.py: needs a line `TOOL = Tool\('dice', …\)`"):
        tools_of("toolsoutside", ["dice"])


def test_every_file_of_the_folder_is_a_tool() -> None:
    made = [(each, each.make(MediaServices())) for each in tools_of("chains.tools", tool_names())]

    assert [each.name for each, tool in made if tool] == [tool.name for _, tool in made if tool]
    assert {"current_time", "draw_picture"} <= set(tool_names())


def test_a_tool_there_is_not_is_refused_with_its_line() -> None:
    text = 'description = "x"\ntools = ["current_time", "rm_rf"]\n'

    with pytest.raises(ChainInvalid) as refused:
        parse_chain(text, name="hr", source="hr.toml")

    assert str(refused.value).startswith("hr.toml:2: tools.2: found 'rm_rf'; there are \"current_time\"")
