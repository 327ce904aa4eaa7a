"""An MCP server that sends more than it may: nothing waits for it, nothing of it is kept, and it may come back."""

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chains.tooling.mcp import open_servers
from pipeline.settings import Settings
from tests.fakes.openai_server import OpenAIServer, Raw

pytest.importorskip("langchain_mcp_adapters.tools", reason="webot[mcp] is not installed")

if TYPE_CHECKING:
    from chains.tooling.mcp import McpServers

from chains.tooling import mcp_bounds
from chains.tooling.mcp_bounds import MessageSize, TooMuch

ENDLESS = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
"""A program whose first line has no end."""

VALUES = "print('[' + '[],' * 100_000 + '[]]', flush=True)"
"""A program whose first answer has more values than its library could read while others wait."""

LATER = """
import sys
from mcp.server.fastmcp import FastMCP
server = FastMCP("x")
@server.tool()
def add(a: int, b: int) -> str:
    "Add two numbers."
    return str(a + b)
@server.tool()
def rage() -> str:
    "Say what has no end."
    while True:
        sys.__stdout__.write("x" * 65536)
server.run()
"""


@asynccontextmanager
async def servers(**table: object) -> AsyncIterator["McpServers"]:
    opened = await asyncio.to_thread(open_servers, Settings.model_validate({"mcp": {"pretend": table}}))
    try:
        yield opened
    finally:
        await opened.aclose()


@pytest.mark.parametrize("script", [ENDLESS, VALUES], ids=["a line without end", "a great many values"])
async def test_a_program_that_says_too_much_is_left_alone(script: str) -> None:
    with capture_logs() as logged:
        async with servers(command=sys.executable, args=("-c", script)) as them:
            found = await them.examine(["mcp.pretend"], patience=60)
            again = await them.offers(["mcp.pretend"])

    (away,) = found.away
    assert "tools: the MCP server pretend cannot be reached now (it sent more than one message may hold)" in away
    assert {} == again
    assert [False] == [each["connected"] for each in logged if each["event"] == "mcp_server_says_too_much"]


async def test_a_program_that_says_too_much_for_a_tool_is_started_anew(tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(LATER)
    async with servers(command=sys.executable, args=(str(program),)) as them:
        with capture_logs() as logged:
            tools = await them.offers(["mcp.pretend"], patience=60)
            with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever the library has for a lost connection
                await tools["pretend_rage"].tool.ainvoke({})
            # A busy machine takes its time to start the program again.
            await them.offers(["mcp.pretend"], patience=60)
            said = await tools["pretend_add"].tool.ainvoke({"a": 1, "b": 1})

    assert not isinstance(failed.value, TimeoutError)
    assert [True] == [each["connected"] for each in logged if each["event"] == "mcp_server_says_too_much"]
    assert "2" in str(said)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("application/json", b'"' + b"x" * 5 * 2**20, id="an answer without end"),
        pytest.param("text/event-stream", b"data: " + b"x" * 5 * 2**20, id="a line without end"),
        pytest.param("text/event-stream", (b"data: " + b"x" * 2**10 + b"\n") * 5 * 2**10, id="an event without end"),
        pytest.param("application/json", b"[" + b"[]," * 2**16, id="a great many values"),
    ],
)
async def test_a_server_at_an_address_that_says_too_much_is_left_alone(content_type: str, body: bytes) -> None:
    async with (
        OpenAIServer(otherwise=lambda _: Raw(body, content_type=content_type)) as server,
        servers(transport="streamable_http", url=server.base_url) as them,
    ):
        found = await them.examine(["mcp.pretend"], patience=60)
        await them.offers(["mcp.pretend"])
        asked = len(server.asked)

    (away,) = found.away
    assert "tools: the MCP server pretend cannot be reached now (it sent more than one message may hold)" in away
    assert 1 == asked


def in_pieces(raw: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    return [raw[start:end] for start, end in pairwise(places)]


@given(st.text(), st.lists(st.integers(0)), st.integers(1, 9))
def test_signs_within_strings_are_no_values_however_a_message_is_cut(text: str, cuts: list[int], values: int) -> None:
    raw = json.dumps({"a": [text + '\\[{,"', *range(values)]}, ensure_ascii=False).encode("utf-8", "surrogatepass")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mcp_bounds, "MOST_VALUES", values)
        patch.setattr(mcp_bounds, "MOST_NESTED", 2)
        size = MessageSize()
        for piece in in_pieces(raw, cuts):
            size.add(piece)
        patch.setattr(mcp_bounds, "MOST_VALUES", values - 1)
        again = MessageSize()
        with pytest.raises(TooMuch):
            deque(map(again.add, in_pieces(raw, cuts)))
