"""What the doctor says of MCP servers."""

import sys
from pathlib import Path

import pytest

from chains.catalog.config import ChainConfig
from pipeline.findings import Finding, FindingFactory
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from web.doctor.servers import examine_servers
from web.logs.redaction import Redactor

pytest.importorskip("langchain_mcp_adapters.tools", reason="webot[mcp] is not installed")

PROGRAM = {
    "command": sys.executable,
    "args": ["-m", "tests.fakes.mcp_server", "stdio"],
    "env": {"PYTHONPATH": str(Path(__file__).parents[3])},
}
# Reads the catalogue, which is not for the event loop.
TELLER = FindingFactory(Catalogue("en"), Redactor().text)


async def findings(*chains: ChainConfig, **table: object) -> list[Finding]:
    settings = Settings.model_validate({"mcp": {"pretend": table}})
    return [each async for each in examine_servers(settings, chains, TELLER, 60.0)]


async def test_a_server_that_answers_is_well() -> None:
    (found,) = await findings(**PROGRAM)

    assert ("well", "pretend", "connected; tools to use: 11") == (found.state, found.about, found.says)


async def test_a_tool_the_server_does_not_have_is_doubtful() -> None:
    (found,) = await findings(**PROGRAM, tools=["add", "subtract"])

    assert ("doubtful", True) == (found.state, "no tool called subtract" in found.says)


async def test_a_program_that_ends_is_quoted() -> None:
    (found,) = await findings(command=sys.executable, args=["-c", "raise SystemExit('no cellar here')"])

    assert ("ill", True) == (found.state, "no cellar here" in found.says)
    assert "it ended, or does not answer as an MCP server does; its last words" in found.says


async def test_a_server_that_cannot_be_reached_is_told_in_a_sentence() -> None:
    (gone,) = await findings(transport="streamable_http", url="http://127.0.0.1:9/mcp")
    (missing,) = await findings(command="/no/such/program")

    assert "the connection was refused" in gone.says
    assert "no such file or folder" in missing.says
    assert "Error" not in gone.says + missing.says


async def test_a_tool_that_chains_name_and_the_server_does_not_have_is_ill() -> None:
    """Whatever else is right: their models answer without it, and nobody is told."""
    (found,) = await findings(
        ChainConfig(name="hr", tools=("mcp.pretend.add", "mcp.pretend.subtract")),
        ChainConfig(name="it", tools=("mcp.pretend.subtract", "mcp.other.x", "current_time")),
        ChainConfig(name="pay", tools=("mcp.pretend",)),
        **PROGRAM,
    )

    assert ("ill", "pretend") == (found.state, found.about)
    assert "it has no mcp.pretend.subtract, which the chains hr, it name; it has add, " in found.says
    assert "webot chains check" in found.fix


async def test_chains_that_name_what_the_server_has_are_well() -> None:
    (found,) = await findings(
        ChainConfig(name="hr", tools=("mcp.pretend.add",)), ChainConfig(name="it", tools=("mcp.pretend",)), **PROGRAM
    )

    assert "well" == found.state


async def test_the_chains_of_a_server_that_is_away_are_named() -> None:
    (found,) = await findings(
        ChainConfig(name="hr", tools=("mcp.pretend.add",)),
        ChainConfig(name="it", tools=("mcp.pretend",)),
        command=sys.executable,
        args=["-c", "raise SystemExit('no cellar here')"],
    )

    assert ("ill", True) == (found.state, "the chains hr, it answer without its tools" in found.says)


async def test_a_table_that_cannot_work_is_told() -> None:
    (found,) = await findings(url="http://127.0.0.1:9/mcp")

    assert ("ill", True) == (found.state, "[mcp.pretend].command" in found.says)


async def test_where_there_is_none_nothing_is_said() -> None:
    assert [] == await findings()
