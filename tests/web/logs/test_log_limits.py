"""The same line is written once a minute with a count of the rest, and lines about one turn are all written."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import structlog

from pipeline.settings import Log
from web.logs.log_limits import LineLimiter
from web.logs.setup import configure_logs

log = structlog.get_logger()


def written(say: Callable[[], object]) -> list[dict[str, Any]]:
    stream = io.StringIO()
    with configure_logs(Log(format="json"), stream=stream):
        say()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_first_line_of_a_minute_is_written_and_the_next_says_how_many_there_were() -> None:
    now = [0.0]
    limiter = LineLimiter(clock=lambda: now[0])
    first = [limiter.acquire("refused") for _ in range(5)]
    now[0] = 59.9
    still = limiter.acquire("refused")
    now[0] = 60.0
    then = [limiter.acquire("refused") for _ in range(2)]

    assert ([0, None, None, None, None], None, [5, None]) == (first, still, then)


def test_each_reason_has_its_own_minute() -> None:
    limiter = LineLimiter(clock=lambda: 0.0)

    assert [0, 0, None] == [limiter.acquire(("refused", reason)) for reason in ("signature", "echo", "echo")]


def test_words_chosen_by_strangers_do_not_fill_the_memory() -> None:
    limiter = LineLimiter(clock=lambda: 0.0)
    for number in range(10_000):
        limiter.acquire(number)

    assert (0, None) == (limiter.acquire(0), limiter.acquire(9_999))


def test_refused_callbacks_are_one_line_a_reason() -> None:
    def say() -> None:
        for number in range(3000):
            log.warning("callback_refused", channel="wecom", reason=f"reason {number % 3}", code=-number)

    assert 3 == len(written(say))


def test_a_database_that_is_away_does_not_fill_the_log() -> None:
    def away() -> None:
        message = "the database is away"
        raise OSError(message)

    def say() -> None:
        for _ in range(500):
            log.warning("claim_failed", error="away")
            log.warning("write_waits", operation="Record", error="away")
            log.error("callback_not_stored", channel="wecom", key=f"k{_}", reason="away")
            try:
                away()
            except OSError:
                log.exception("chains_not_watched")
                log.exception("something_new_broke")
                log.exception("answer_broke", trace=str(_))
                logging.getLogger("sqlalchemy.pool").exception("Exception terminating connection %r", object())

    lines = written(say)
    tracebacks = [line["event"] for line in lines if "Traceback" in line.get("exception", "")]

    assert 3 == len(tracebacks[:3])
    assert {"chains_not_watched": 1, "something_new_broke": 1, "answer_broke": 1} == {
        name: tracebacks.count(name) for name in ("chains_not_watched", "something_new_broke", "answer_broke")
    }
    assert 500 == sum(line["event"] == "answer_broke" for line in lines)
    assert 500 + 4 + 10 + 1 >= len(lines)


def test_lines_of_libraries_are_told_apart_by_their_template() -> None:
    def say() -> None:
        for number in range(100):
            logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
            logging.getLogger("asyncio").error("socket.accept() out of system resource, %s", number)

    assert ["Invalid HTTP request received.", "socket.accept() out of system resource, 0"] == [
        line["event"] for line in written(say)
    ]


def test_what_an_operator_did_is_told_each_time() -> None:
    def say() -> None:
        for _ in range(3):
            log.error("settings_not_used", problem="[chat] turns: found 'x'")
        for trace in range(50):
            log.warning("answer_failed", trace=str(trace), reason="turn.failed")
            log.info("turn_done", trace=str(trace))

    assert 3 + 100 == len(written(say))
