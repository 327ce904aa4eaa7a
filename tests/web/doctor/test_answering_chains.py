"""What the doctor says of chains: those that answer, and the files that are not in use as they are."""

import asyncio
import sys
from pathlib import Path

import pytest

from chains.catalog.config import ChainConfig
from pipeline.revisions import ChainRevision
from storage.conversations.chain_revisions import RevisionStore
from storage.database.access import ensure_schema, open_for_cli
from tests.web.doctor.test_servers import PROGRAM
from tests.web.shell import webot
from web.doctor.answering_chains import chains_by_tool, examine_chains, read_answering_chains
from web.doctor.examination import examine, findings_for
from web.settings.loading import load


def write(folder: Path, name: str, text: str) -> None:
    file = folder / "data" / "chains" / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


async def test_a_broken_file_is_doubtful_and_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "hr", 'command = "@hr"\n')
    write(tmp_path, "it", 'command = "@it"\ntoools = []\n')
    environ = {"WEBOT_CHAT__LANGUAGE": "en", "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data")}
    loaded = await asyncio.to_thread(load, tmp_path, environ)
    read = await read_answering_chains(loaded.settings)
    well, doubtful = examine_chains(read, await asyncio.to_thread(findings_for, loaded))

    assert ("well", "6 chains answer") == (well.state, well.says)
    assert ("doubtful", True) == (doubtful.state, "it.toml:2: " in doubtful.says), doubtful.says
    assert "toools" in doubtful.says


async def test_a_server_of_nobody_keeps_a_chain_from_use_and_is_told(tmp_path: Path) -> None:
    write(tmp_path, "hr", 'command = "@hr"\ntools = ["mcp.docs.find"]\n')
    ran = await webot("doctor", folder=tmp_path, environ={"WEBOT_CHAT__LANGUAGE": "en"})

    assert "! chains: what its file says now is not in use: " in ran.out
    assert "found 'mcp.docs', there are no MCP servers" in ran.out


async def test_settings_whose_models_cannot_be_used_have_their_own_finding(tmp_path: Path) -> None:
    environ = {"WEBOT_CHAT__LANGUAGE": "en", "WEBOT_MODELS__DEFAULT__PROVIDER": "nobody"}
    loaded = await asyncio.to_thread(load, tmp_path, environ)

    assert await read_answering_chains(loaded.settings) is None
    assert [] == [*examine_chains(None, findings_for(loaded))]


async def test_tools_of_a_trial_are_looked_for_as_well(tmp_path: Path) -> None:
    pytest.importorskip("langchain_mcp_adapters.tools", reason="webot[mcp] is not installed")
    url = f"sqlite:///{tmp_path}/webot.db"
    text = 'command = "@hr"\ntools = ["mcp.pretend.nosuch"]\n'
    await ensure_schema(url)
    async with open_for_cli(url) as database:
        await RevisionStore(database).release(ChainRevision("hr", "r1", text, "ann", ""), share=10, users=())
    folder = tmp_path / "settings"
    args = ", ".join(f'"{each}"' for each in PROGRAM["args"])
    env = PROGRAM["env"]
    assert isinstance(env, dict)

    def set_up() -> None:
        folder.mkdir()
        (folder / "settings.local.toml").write_text(
            f'[chat]\nlanguage = "en"\n[storage]\ndatabase_url = "{url}"\n'
            f'[mcp.pretend]\ncommand = "{sys.executable}"\nargs = [{args}]\n'
            f'env = {{ PYTHONPATH = "{env["PYTHONPATH"]}" }}\n',
            encoding="utf-8",
        )

    await asyncio.to_thread(set_up)
    loaded = await asyncio.to_thread(load, folder, {})
    found = [each async for each in examine(loaded, seconds=60.0) if each.check == "mcp"]

    assert ["ill"] == [each.state for each in found]
    assert "no mcp.pretend.nosuch, which the chains hr name" in found[0].says


def test_tools_are_listed_with_the_chains_that_name_them() -> None:
    chains = [
        ChainConfig(name="hr", tools=("mcp.docs", "mcp.crm.find")),
        ChainConfig(name="hr", tools=("mcp.crm.find",)),
        ChainConfig(name="it", tools=("mcp.crm.find", "current_time")),
    ]

    assert {"docs": {"": ["hr"]}, "crm": {"find": ["hr", "it"]}} == chains_by_tool(chains)
