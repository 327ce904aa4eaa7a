import asyncio
import io
import json
import logging
import os
import re
import threading
import time
import warnings
from typing import Any

import pytest
import structlog

from pipeline.settings import Log
from web.logs.setup import configure_logs

log = structlog.get_logger()


def written(settings: Log, say: Any, *secrets: str) -> str:  # noqa: ANN401 (any callable)
    stream = io.StringIO()
    with configure_logs(settings, secrets, stream=stream):
        say()
    return stream.getvalue()


def events(say: Any, *secrets: str, **settings: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (any callable, any setting)
    lines = written(Log(format="json", **settings), say, *secrets).splitlines()
    return [json.loads(line) for line in lines]


def test_a_line_of_text_has_time_level_event_and_keys() -> None:
    line = written(Log(), lambda: log.info("turn_sent", key="a/b", ms=12))

    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[info     \] turn_sent +key=a/b ms=12\n", line)


def test_a_line_of_json_has_the_same() -> None:
    before = time.localtime().tm_year
    (event,) = events(lambda: log.warning("turn_failed", key="张三", ms=1.5), date_format="%Y")

    assert int(event.pop("timestamp")) in {before, time.localtime().tm_year}
    assert {"level": "warning", "event": "turn_failed", "key": "张三", "ms": 1.5} == event


def test_the_level_decides_what_is_heard() -> None:
    def say() -> None:
        log.debug("one")
        log.info("two")
        log.warning("three")

    assert ["one", "two", "three"] == [event["event"] for event in events(say, level="DEBUG")]
    assert ["three"] == [event["event"] for event in events(say, level="WARNING")]


def test_what_is_bound_to_the_context_is_on_every_line() -> None:
    def say() -> None:
        with structlog.contextvars.bound_contextvars(trace="t1"):
            log.info("inside")
        log.info("outside")

    assert ["t1", None] == [event.get("trace") for event in events(say)]


def test_libraries_speak_through_the_same_pipe() -> None:
    def say() -> None:
        logging.getLogger("uvicorn.error").warning("Started on %s", "http://127.0.0.1:1")
        logging.getLogger("litestar").info("here")
        logging.getLogger("sqlalchemy.pool").error("gone")

    assert [
        ("uvicorn.error", "warning", "Started on http://127.0.0.1:1"),
        ("litestar", "info", "here"),
        ("sqlalchemy.pool", "error", "gone"),
    ] == [(event["logger"], event["level"], event["event"]) for event in events(say)]


def test_chatty_libraries_speak_from_warning_up_even_when_we_debug() -> None:
    def say() -> None:
        for name in ("httpx", "httpx2", "openai._base_client", "sqlalchemy.engine", "asyncio"):
            logging.getLogger(name).debug("a whole request, with somebody's words")
            logging.getLogger(name).info("GET /?access_token=abc")
            logging.getLogger(name).warning("heard")

    assert {"heard"} == {event["event"] for event in events(say, level="DEBUG")}


def test_access_lines_are_off() -> None:
    assert [] == events(lambda: logging.getLogger("uvicorn.access").info("GET /gpt 200"))


def test_warnings_are_log_lines() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        (event,) = events(lambda: warnings.warn("old ways", stacklevel=1))

    assert ("py.warnings", "warning") == (event["logger"], event["level"])


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_in_a_line(form: str) -> None:
    def say() -> None:
        log.info(
            "called", token="tok-1", url="https://api/?corpsecret=shh-2", nested={"api_key": "key-3"}, who="hunter22"
        )
        logging.getLogger("uvicorn.error").error("refused %s", "hunter22")

    line = written(Log.model_validate({"format": form}), say, "hunter22")

    assert not [secret for secret in ("tok-1", "shh-2", "key-3", "hunter22") if secret in line]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_in_a_traceback(form: str) -> None:
    def fail() -> None:
        message = "Incorrect API key: sk-abcdefghijkl; also hunter22 and ?access_token=tok-1"
        raise ValueError(message)

    def say() -> None:
        try:
            fail()
        except ValueError as error:
            log.exception("turn_failed")
            log.warning("again", exc_info=error)
            logging.getLogger("asyncio").exception("Task exception was never retrieved")

    text = written(Log.model_validate({"format": form}), say, "hunter22")

    assert 3 == text.count("Traceback (most recent call last)")
    assert 3 == text.count("ValueError: Incorrect API key: sk-********; also ********")
    assert not [secret for secret in ("abcdefghijkl", "hunter22", "tok-1") if secret in text]


def test_a_traceback_shows_no_values_of_variables() -> None:
    def fail(words: str) -> None:
        raise ValueError(len(words))

    def say() -> None:
        try:
            fail("what somebody said")
        except ValueError:
            log.exception("turn_failed")

    # The line of the call is source; the value must not be written out beside it.
    assert 1 == written(Log(), say).count("what somebody said")


def test_one_event_is_one_line_whatever_it_carries() -> None:
    line = written(Log(), lambda: log.info("said\nforged", key="a\nb\x1b[31m\x07"))

    assert 1 == line.count("\n")
    assert "\x1b" not in line
    assert r"said\nforged" in line


def test_a_terminal_has_colours_and_a_pipe_has_none() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with configure_logs(Log(), stream=stream):
        log.info("turn_sent")

    assert "\x1b[" in stream.getvalue()
    assert "\x1b[" not in written(Log(), lambda: log.info("turn_sent"))


def test_a_pipe_nobody_reads_holds_up_nobody_and_the_loss_is_told() -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w", encoding="utf-8")
    logs = configure_logs(Log(format="json"), stream=stream, waiting_lines=100)
    speaker = threading.Thread(target=lambda: [log.info("much", words="x" * 1000) for _ in range(2000)], daemon=True)

    speaker.start()
    speaker.join(timeout=30)
    held_up = speaker.is_alive()
    with os.fdopen(reading, encoding="utf-8") as lines:
        reader = threading.Thread(target=lambda: heard.extend(map(json.loads, lines)), daemon=True)
        heard: list[dict[str, Any]] = []
        reader.start()
        logs.close()
        stream.close()
        reader.join(timeout=30)

    assert not held_up
    dropped = sum(event["count"] for event in heard if event["event"] == "log_lines_dropped")
    assert 2000 == dropped + sum(event["event"] == "much" for event in heard)
    assert dropped > 0


def test_closing_does_not_wait_for_a_pipe_nobody_reads() -> None:
    reading, writing = os.pipe()
    # Unbuffered and left alone: the thread that is stuck in it must not be joined by the stream's own end.
    stream = io.TextIOWrapper(os.fdopen(writing, "wb", buffering=0, closefd=False), write_through=True)
    logs = configure_logs(Log(), stream=stream)
    for _ in range(200):
        log.info("much", words="x" * 1000)
    closer = threading.Thread(target=logs.close, daemon=True)

    closer.start()
    closer.join(timeout=30)
    held_up = closer.is_alive()
    os.close(reading)
    os.close(writing)

    assert not held_up


async def test_the_event_loop_goes_on_while_lines_wait() -> None:
    stream = _Stuck()
    logs = configure_logs(Log(), stream=stream)
    try:
        for _ in range(100):
            log.info("much")
        await asyncio.wait_for(asyncio.to_thread(stream.reached.wait), timeout=30)

        assert [] == stream.lines
    finally:
        stream.released.set()
        logs.close()

    assert 100 == len(stream.lines)


class _Stuck(io.StringIO):
    """A console that takes nothing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.released = threading.Event()
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.reached.set()
        self.released.wait(timeout=30)
        self.lines.append(text)
        return len(text)


def test_a_console_that_has_gone_is_no_fault_of_ours() -> None:
    stream = io.StringIO()

    with configure_logs(Log(), stream=stream):
        stream.close()
        log.info("turn_sent")


def test_closing_leaves_logging_as_it_was_found() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)

    logs = configure_logs(Log(), stream=io.StringIO())
    assert before != (root.handlers[:], root.level)
    logs.close()
    logs.close()

    assert before == (root.handlers[:], root.level)
    assert not structlog.is_configured()


def test_another_level_is_heard_from_then_on() -> None:
    stream = io.StringIO()
    with configure_logs(Log(format="json"), stream=stream) as logs:
        log.debug("unheard")
        logs.set_level("DEBUG")
        log.debug("heard")
        logs.set_level("ERROR")
        log.warning("unheard")

    assert ["heard"] == [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_a_secret_learned_later_is_masked_like_the_others() -> None:
    stream = io.StringIO()
    with configure_logs(Log(format="json"), ["former-one"], stream=stream) as logs:
        logs.guard(["latter-one"])
        log.info("said", text="former-one latter-one")

    assert "********" + " " + "********" == json.loads(stream.getvalue())["text"]
