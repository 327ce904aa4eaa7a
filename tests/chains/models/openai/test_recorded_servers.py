"""Each peculiarity of a server in the compatibility table, by a recorded exchange."""

import json
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from pipeline.replies import TextReply
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.openai_server import OpenAIServer, Raw

WIRE = Path(__file__).parents[3] / "wire" / "models"
DOCS = Path(__file__).parents[4] / "docs"
RECORDED = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(WIRE.glob("*.json"))}


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in drafts"])
@pytest.mark.parametrize("name", RECORDED)
async def test_a_server_is_got_on_with(server: OpenAIServer, name: str, *, streams: bool) -> None:
    recorded = RECORDED[name]
    tools = ("current_time",) if recorded.get("tools") else ()
    chain = ChainConfig(name="default", tools=tools, system_prompt=recorded.get("persona", ""))
    server.script(*(Raw(each["body"].encode(), each["status"], each["type"]) for each in recorded["exchange"]))
    async with open_chains_harness(server.base_url, chain=chain) as it:
        outcome = await it.outcome("你好", streams=streams)

    assert (TextReply(recorded["said"]),) == outcome.replies
    assert len(recorded["sent"]) == len(server.bodies)
    for expected, body in zip(recorded["sent"], server.bodies, strict=True):
        check(expected, body)
    if "tokens" in recorded and not tools:
        origin = remembered(outcome).provenance
        assert recorded["tokens"] == [origin.input_tokens, origin.output_tokens]


def check(expected: dict[str, Any], body: dict[str, Any]) -> None:
    messages = body["messages"]
    assert set(expected.get("has", ())) <= body.keys()
    assert not set(expected.get("lacks", ())) & body.keys()
    assert all(body[key] is True for key in expected.get("true", ()))
    assert all(body[key] is False for key in expected.get("false", ()))
    assert expected.get("roles", [message["role"] for message in messages]) == [each["role"] for each in messages]
    beside = expected.get("message", {})
    assert not beside or any(beside.items() <= message.items() for message in messages)
    if "call_id" in expected:
        assert expected["call_id"] == messages[-1]["tool_call_id"]


@pytest.mark.parametrize("page", ["model-servers.md", "model-servers.zh-CN.md"])
def test_every_recorded_server_is_in_the_table(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")

    assert all(f"| {each['server']}" in text for each in RECORDED.values())
