"""What models were asked lately is kept within bounds, whatever people say."""

from dataclasses import replace

from chains.conversation.request import ModelRequest
from chains.conversation.request_log import KEPT_ANSWERS, RequestLog
from pipeline.answer import Exchange
from tests.chains.harness import PLAIN_CHAIN, ask

ASKED = ModelRequest(PLAIN_CHAIN, "default", ask("你好"), "be short", "你好")


def logged(log: RequestLog, *, times: int, history: tuple[Exchange, ...] = ()) -> list[str]:
    """Log so many requests and return the traces of those that are kept."""
    traces = [str(number) for number in range(times)]
    for trace in traces:
        log.begin(replace(ASKED, ask=replace(ASKED.ask, trace=trace), history=history))
    return [trace for trace in traces if log.find(trace) is not None]


def test_so_many_answers_are_kept_and_no_more() -> None:
    kept = logged(RequestLog(), times=KEPT_ANSWERS + 10)

    assert [str(number) for number in range(10, KEPT_ANSWERS + 10)] == kept


def test_of_long_conversations_fewer_are_kept_the_latest_always() -> None:
    log = RequestLog()
    long = tuple(Exchange("问" * 20_000, "答" * 20_000) for _ in range(20))

    kept = logged(log, times=20, history=long)
    log.forget(ASKED.ask.event.sender)

    assert ["16", "17", "18", "19"] == kept
    assert KEPT_ANSWERS == len(logged(log, times=KEPT_ANSWERS))


def test_one_that_is_too_long_alone_is_kept_all_the_same() -> None:
    longest = tuple(Exchange("问" * 20_000, "答" * 20_000) for _ in range(200))

    assert ["1"] == logged(RequestLog(), times=2, history=longest)
