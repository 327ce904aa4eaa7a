"""Each peculiarity of a server in the compatibility table, by an exchange with it.

None was recorded from the real service: each is written after the documentation or the reports that its `source` names.
"""

import json
import re
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.config import ChainConfig
from pipeline.answer import Exchange, Outcome
from pipeline.errors import AnswerFailed
from pipeline.replies import ImageReply, TextReply
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import RecentMemory, open_chains_harness, remembered
from tests.fakes.openai_server import Act, OpenAIServer, Raw

WIRE = Path(__file__).parents[3] / "wire" / "models"
DOCS = Path(__file__).parents[4] / "docs"
RECORDED = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(WIRE.glob("*.json"))}
PAGES = ["model-servers.md", "model-servers.zh-CN.md"]
NEEDED = {"server", "about", "source", "exchange", "sent"}
KNOWN = NEEDED | {
    *("tools", "persona", "options", "json", "before", "ask", "refuses"),
    *("said", "contains", "tokens", "cached", "cut", "draws", "fails", "reason"),
}


def server_of(recorded: Mapping[str, Any]) -> OpenAIServer:
    """Make a server that answers as it is written, and refuses what this one always refuses."""
    acts = deque(Raw(each["body"].encode(), each["status"], each["type"]) for each in recorded["exchange"])
    refuses = recorded.get("refuses")

    def act(body: Mapping[str, Any]) -> Act:
        if refuses and refuses["request"].items() <= body.items():
            return Raw(json.dumps(refuses["body"]).encode(), refuses["status"])
        return acts.popleft()

    server = OpenAIServer(otherwise=act)
    if recorded.get("draws"):
        server.script(*acts)
    return server


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in drafts"])
@pytest.mark.parametrize("name", RECORDED)
async def test_a_server_is_got_on_with(name: str, tmp_path: Path, *, streams: bool) -> None:
    recorded = RECORDED[name]
    chain = ChainConfig(
        name="default",
        tools=("current_time",) if recorded.get("tools") else (),
        system_prompt=recorded.get("persona", ""),
        answer_format="json" if recorded.get("json") else "markdown",
        options=recorded.get("options", {}),
    )
    memory = RecentMemory(tuple(Exchange(*each) for each in recorded.get("before", ())))
    async with server_of(recorded) as server:
        generator = {"model": "generator", "base_url": server.base_url, "max_retries": 0}
        async with open_chains_harness(
            server.base_url,
            chain=chain,
            memory=memory,
            pictures=StoredImages(MediaFolder(tmp_path)),
            models={"image": generator},
            input_price=1.0,
            cached_input_price=0.5,
        ) as it:
            asked = recorded.get("ask", "你好")
            if "fails" in recorded:
                with pytest.raises(AnswerFailed) as failed:
                    await it.outcome(asked, streams=streams)
                assert (recorded["fails"], True) == (
                    failed.value.reason,
                    recorded.get("reason", "") in str(failed.value),
                )
            else:
                check_answer(recorded, await it.outcome(asked, streams=streams))

    assert len(recorded["sent"]) == len(server.bodies)
    for expected, body in zip(recorded["sent"], server.bodies, strict=True):
        check_request(expected, body)


def check_answer(recorded: Mapping[str, Any], outcome: Outcome) -> None:
    first, *others = outcome.replies
    if recorded.get("draws"):
        assert isinstance(first, ImageReply)
        return
    assert isinstance(first, TextReply)
    if "contains" in recorded:
        assert recorded["contains"] in first.text
    else:
        assert recorded["said"] == first.text
    # Who asks is told once that what was said first is left out.
    is_trimmed = len({len(each["roles"]) for each in recorded["sent"] if "before" in recorded}) > 1
    assert is_trimmed is ("@清除" in str(others))
    origin = remembered(outcome).provenance
    assert recorded.get("cut", "") == origin.cut
    if "tokens" in recorded and not recorded.get("tools"):
        assert recorded["tokens"] == [origin.input_tokens, origin.output_tokens]
    if "cached" in recorded:
        assert recorded["tokens"][0] - recorded["cached"] / 2 == origin.cost


def check_request(expected: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    assert set(expected.get("has", ())) <= body.keys()
    assert not set(expected.get("lacks", ())) & body.keys()
    assert all(body[key] is True for key in expected.get("true", ()))
    assert all(body[key] is False for key in expected.get("false", ()))
    assert expected.get("values", {}).items() <= body.items()
    messages = body.get("messages", [])
    assert expected.get("roles", [message["role"] for message in messages]) == [each["role"] for each in messages]
    beside = expected.get("message", {})
    assert not beside or any(beside.items() <= message.items() for message in messages)
    if "call_id" in expected:
        assert expected["call_id"] == messages[-1]["tool_call_id"]


@pytest.mark.parametrize("name", RECORDED)
def test_an_exchange_says_what_it_is_after(name: str) -> None:
    recorded = RECORDED[name]

    assert NEEDED <= recorded.keys() <= KNOWN
    assert recorded["source"]
    assert all(each.startswith("https://") for each in recorded["source"])


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_the_table_names_its_exchanges_and_every_exchange_has_its_row(page: str) -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| `https?://[^|]+ \| [^|]+ \| ([^|]+) \|$", (DOCS / page).read_text("utf-8"), re.MULTILINE
    )
    named = {re.split(r",| \(", server)[0]: set(re.findall(r"`([\w-]+)`", names)) for server, names in rows}
    written: dict[str, set[str]] = {}
    for name, recorded in RECORDED.items():
        written.setdefault(recorded["server"], set()).add(name)

    assert written == named
