"""`webot chains test`: everything is tested, whatever is wrong with some of it, and a green line means the model."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says
from tests.web.shell import Ran, webot

HR = """
command = "@hr"
system_prompt = "hr"

[[cases]]
input = "请假"
contains = ["请假"]

[[cases]]
input = "报销"
matches = "报销$"
"""


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as opened:
        yield opened


def file_of(folder: Path, name: str, text: str, *, draft: bool = True) -> None:
    file = folder / "data" / "chains" / ("drafts" if draft else ".") / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


async def run_cases_of(folder: Path, *args: str, server: OpenAIServer, environ: Mapping[str, str] | None = None) -> Ran:
    models = {
        "WEBOT_MODELS__DEFAULT__MODEL": "m",
        "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url,
        "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
        "WEBOT_CHAT__LANGUAGE": "en",
    }
    return await webot("chains", "test", *args, folder=folder, environ=models | dict(environ or {}))


async def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        await asyncio.to_thread(file_of, folder, name, text)


async def test_drafts_are_tested_too_and_a_broken_one_holds_up_no_other(server: OpenAIServer, tmp_path: Path) -> None:
    await write(tmp_path, hr=HR, broken="temperature =", other='command = "@help"')
    ran = await run_cases_of(tmp_path, "hr", "broken", "other", "nosuch", "--junit", "out.xml", server=server)
    root = ET.fromstring(await asyncio.to_thread((tmp_path / "out.xml").read_text))  # noqa: S314 - our own

    assert 1 == ran.code
    assert "2 of 2 passed, 3 cannot be tested" in ran.out
    assert "hr draft " in ran.out
    assert "answered by m" in ran.out
    assert all(
        f"{name} {label}: cannot be tested" in ran.out for name, label in (("broken", "draft"), ("nosuch", "live"))
    )
    assert ("5", "0", "3") == tuple(root.attrib[key] for key in ("tests", "failures", "errors"))


async def test_all_includes_new_drafts(server: OpenAIServer, tmp_path: Path) -> None:
    await write(tmp_path, hr=HR, empty='command = "@empty"')
    ran = await run_cases_of(tmp_path, "--json", server=server)
    report = json.loads(ran.out)
    by_name = {chain["name"]: chain for chain in report["chains"]}

    assert {"hr", "empty", "default", "translator"} <= by_name.keys()
    assert ("draft", ["m"]) == (by_name["hr"]["version"], by_name["hr"]["answered_by"])
    assert [True, True] == [case["passed"] for case in by_name["hr"]["cases"]]
    assert [] == by_name["empty"]["cases"]
    assert report["failed"] == sum(not case["passed"] for chain in report["chains"] for case in chain["cases"])


async def test_an_answer_of_a_fallback_is_no_answer_of_the_model_and_not_kept(tmp_path: Path) -> None:
    async with OpenAIServer(otherwise=lambda _: Fails(503)) as first, OpenAIServer() as second:
        environ = {
            "WEBOT_MODELS__DEFAULT__FALLBACKS": '["spare"]',
            "WEBOT_MODELS__SPARE__MODEL": "spare-model",
            "WEBOT_MODELS__SPARE__BASE_URL": second.base_url,
        }
        await write(tmp_path, hr=HR)
        once = await run_cases_of(tmp_path, "hr", server=first, environ=environ)
        again = await run_cases_of(tmp_path, "hr", "--json", server=first, environ=environ)

    assert (1, 1) == (once.code, again.code)
    assert "[models.default] gave no answer: [models.spare] (spare-model) stood in for it" in once.out
    assert [False, False] == [case["cached"] for case in json.loads(again.out)["chains"][0]["cases"]]
    assert 4 == len(second.bodies)


async def test_an_answer_that_is_cut_off_fails_its_case(tmp_path: Path) -> None:
    async with OpenAIServer(otherwise=lambda _: Says("请假报销", finish="length")) as server:
        await write(tmp_path, hr=HR)
        ran = await run_cases_of(tmp_path, "hr", server=server)

    assert (1, 2) == (ran.code, ran.out.count("the answer is incomplete: it reached the length limit"))


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|aa)+$", "(.*a){25}b", r"^(\\w+\\s?)*$"])
async def test_a_pattern_without_an_end_is_given_up(tmp_path: Path, pattern: str) -> None:
    def long(_: Mapping[str, Any]) -> Act:
        return Says("a" * 60 + "!")

    async with OpenAIServer(otherwise=long) as server:
        await write(tmp_path, hr=f'command = "@hr"\n[[cases]]\ninput = "x"\nmatches = "{pattern}"\n')
        async with asyncio.timeout(30):
            ran = await run_cases_of(tmp_path, "hr", server=server)

    assert 1 == ran.code
    assert "0 of 1 passed" in ran.out


@pytest.mark.parametrize("option", ["--junit"])
async def test_no_model_is_paid_for_a_report_that_cannot_be_written(
    server: OpenAIServer, tmp_path: Path, option: str
) -> None:
    await write(tmp_path, hr=HR)
    ran = await run_cases_of(tmp_path, "hr", option, "nosuch/out.xml", server=server)

    assert 1 == ran.code
    assert "there is no folder 'nosuch'" in ran.err
    assert [] == server.bodies


async def test_a_trial_says_that_a_server_of_its_tools_is_away(server: OpenAIServer, tmp_path: Path) -> None:
    pytest.importorskip("langchain_mcp_adapters.tools", reason="webot[mcp] is not installed")
    program = f"[mcp.docs]\ncommand = {json.dumps(sys.executable)}\nargs = ['-c', 'raise SystemExit(1)']\n"
    chain = 'command = "@hr"\ntools = ["mcp.docs.find", "current_time"]\n'

    def write() -> None:
        (tmp_path / "settings.local.toml").write_text(program, encoding="utf-8")
        file = tmp_path / "data" / "chains" / "drafts" / "hr.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(chain, encoding="utf-8")

    await asyncio.to_thread(write)
    environ = {
        "WEBOT_CHAT__LANGUAGE": "en",
        "WEBOT_MODELS__DEFAULT__MODEL": "m",
        "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url,
    }
    tried = await webot("chains", "try", "hr", "hello", folder=tmp_path, environ=environ)

    assert 0 == tried.code, tried.err
    assert "the MCP server docs cannot be reached now" in tried.err
    assert "echo: hello" in tried.out
    assert ["current_time"] == [tool["function"]["name"] for tool in server.bodies[0]["tools"]]


async def test_junit_takes_what_xml_does_not(tmp_path: Path) -> None:
    async with OpenAIServer(otherwise=lambda _: Says("<b>\x08&\x1b[0m 请")) as server:
        await write(tmp_path, hr=HR)
        await run_cases_of(tmp_path, "hr", "--junit", "out.xml", server=server)
    root = ET.fromstring(await asyncio.to_thread((tmp_path / "out.xml").read_text))  # noqa: S314 - our own

    assert ["2", "2"] == [root.attrib["tests"], root.attrib["failures"]]
    assert "<b>" in "".join(root.itertext())


@pytest.mark.parametrize("text", ["", "\u200b", "<think>hm</think>"])
async def test_a_model_that_says_nothing_is_told_by_models_test(tmp_path: Path, text: str) -> None:
    async with OpenAIServer(otherwise=lambda _: Says(text)) as server:
        environ = {"WEBOT_MODELS__DEFAULT__MODEL": "m", "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url}
        ran = await webot("models", "test", folder=tmp_path, environ=environ)

    assert 1 == ran.code
    assert "错误：[models.default]: 模型没有回答任何内容" in ran.err
