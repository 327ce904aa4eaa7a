"""What people, models and tools say is in no log line at level info, however a turn ends."""

import asyncio
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from pipeline.errors import TryAgain
from pipeline.settings import Log
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Raw, Says
from tests.service import running_service
from tests.test_service import answered_by
from web.logs.setup import configure_logs

MARK = "KANGAROO"
WORDS = f"{MARK} my salary is 12345"
CHAINS = {
    "default": 'tools = ["current_time"]\nhands_to = ["code"]\nchooser = "small"\n',
    "code": 'description = "about programs"\n',
}


def calls(name: str, arguments: str) -> Says:
    return Says(None, tool_calls=({"name": name, "arguments": arguments},), finish="tool_calls")


ACTS: tuple[Act, ...] = (
    Says(f"an answer with {WORDS}", reasoning=WORDS, model=WORDS),
    Fails(400, code=WORDS, message=f"Invalid prompt: {WORDS}"),
    Fails(401, code=MARK.lower() + " " + MARK, message=f"Invalid prompt: {WORDS}"),
    Fails(429, message=f"Too many: {WORDS}"),
    Fails(500, message=f"Broken by: {WORDS}"),
    Raw(WORDS.encode()),
    Raw(json.dumps({"choices": WORDS, MARK: 1}).encode()),
    Raw(json.dumps({"error": WORDS}).encode(), status=418),
    Says("", finish=WORDS),
    Says(None, refusal=WORDS),
    calls("current_time", json.dumps({"timezone": WORDS})),
    calls("current_time", f"{{{WORDS}"),
    calls(WORDS, json.dumps({MARK: WORDS})),
)


async def test_no_word_of_a_conversation_is_in_the_log(tmp_path: Path) -> None:
    left = list(ACTS)

    def act(body: Mapping[str, Any]) -> Act:
        if body["model"] == "small-model":
            return Says(json.dumps({"chain": WORDS}))
        return left.pop(0) if left else Says(WORDS)

    folder = tmp_path / "data" / "chains"
    await asyncio.to_thread(folder.mkdir, parents=True)
    for name, text in CHAINS.items():
        await asyncio.to_thread((folder / f"{name}.toml").write_text, text, encoding="utf-8")
    stream = io.StringIO()
    async with OpenAIServer(otherwise=act) as model:
        environ = answered_by(
            model,
            WEBOT_MODELS__DEFAULT__MAX_RETRIES="0",
            WEBOT_LIMITS__TURN_ATTEMPTS="1",
            WEBOT_MODELS__SMALL__BASE_URL=model.base_url,
            WEBOT_MODELS__SMALL__API_KEY="sk-test-0123456789",
            WEBOT_MODELS__SMALL__MODEL="small-model",
        )
        with configure_logs(Log(format="json", level="INFO"), stream=stream):
            async with running_service(tmp_path, environ) as service:
                phone = service.phone()
                said = [f"@prompt-set {WORDS}", *[f"{number} {WORDS}" for number in range(len(ACTS))]]
                said += [f"@image {WORDS}", f"@model {WORDS}", f"@role {WORDS}", f"@bad {WORDS}", f"@export {WORDS}"]
                for count, words in enumerate(said, start=1):
                    await phone.say(words)
                    await phone.messages(count=count, within=60)
                await phone.click(WORDS)
                await phone.send_link(WORDS, f"https://example.com/{MARK}", WORDS)
                await phone.send_file(b"x", f"{WORDS}.pdf")
                await phone.send_image(b"no picture", f"{WORDS}.png")
                await phone.send_voice(WORDS.encode())
                await service.service.worker.drain()
    lines = stream.getvalue()
    events = [json.loads(line)["event"] for line in lines.splitlines()]

    assert MARK.casefold() not in lines.casefold()
    assert "salary" not in lines
    assert {"chain_chosen", "answer_failed", "turn_done"} <= set(events)


class _Quoting(Exception):
    """An error of some library that repeats what it was given."""


def _fail(*, ours: bool) -> None:
    try:
        raise _Quoting(WORDS)  # noqa: TRY301 (an error within another is the point)
    except _Quoting as error:
        if ours:
            message = "the database is away"
            raise TryAgain(message) from error
        raise ExceptionGroup(WORDS, [ValueError(WORDS), OSError(28, "No space left on device", WORDS)]) from error


@pytest.mark.parametrize("about", [{"trace": "7"}, {"lane": "wecom/z"}, {"key": "k"}], ids=str)
def test_the_traceback_of_a_turn_names_what_broke_and_where_and_quotes_nothing(about: dict[str, str]) -> None:
    stream = io.StringIO()
    with configure_logs(Log(format="json"), stream=stream):
        for ours in (True, False):
            try:
                _fail(ours=ours)
            except Exception:  # noqa: BLE001 (each of them)
                structlog.get_logger().exception("answer_broke" if ours else "send_broke", **about)
    first, second = (json.loads(line)["exception"] for line in stream.getvalue().splitlines())

    assert MARK not in first + second
    assert "pipeline.errors.TryAgain: the database is away" in first
    assert "_Quoting" in first
    assert 2 == first.count("Traceback (most recent call last):")
    assert "The above exception was the direct cause" in first
    assert "with ValueError" in second
    assert "with OSError: No space left on device" in second
