"""What the alert rules stand on moves when the thing happens."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as families_of
from structlog.testing import capture_logs

from adapters.bounded_http import HEAD_BYTES
from pipeline.errors import AnswerFailed, TryAgain, Undeliverable
from pipeline.events import InboundEvent, Text
from pipeline.lanes import Intake
from pipeline.metrics import REGISTRY
from pipeline.replies import TextPart
from pipeline.turn_state import OutgoingPart
from storage.database.engine import Database
from storage.database.migrate import HEAD
from storage.turns.lease import LEASE_SECONDS
from tests.adapters.test_bounded_http import HEAD as REQUEST
from tests.adapters.test_bounded_http import said as send
from tests.adapters.test_bounded_http import serving
from tests.fakes.ports import FakeInbox
from tests.fakes.turns import FakeAnswerer, FakeChannel, FakeJournal
from tests.pipeline.test_turn import a_turn, refusing, turns
from tests.service import running_service
from tests.storage.test_turn_ends import LI, ZHANG, answering, change, said


@contextmanager
def counted(times: float, name: str, **labels: str) -> Iterator[None]:
    """Count how often something is counted in the block."""
    before = REGISTRY.get_sample_value(f"{name}_total", labels) or 0.0
    yield
    assert before + times == REGISTRY.get_sample_value(f"{name}_total", labels)


async def test_an_answer_that_the_database_refuses_is_counted_by_its_code(database: Database) -> None:
    await change(database, "ALTER TABLE messages RENAME COLUMN content TO contents")
    code = "42703" if database.shared else "SQLITE_ERROR"
    with counted(1, "webot_ledger_failures", code=code):
        async with answering(database, {"毒": said("答")}) as harness:
            await harness.say(ZHANG, "毒")
            await harness.until_ended(1)


async def test_a_turn_that_breaks_the_engine_is_counted_and_says_why_no_apology_went_out(database: Database) -> None:
    before = REGISTRY.get_sample_value("webot_lane_restarts_total") or 0.0
    with capture_logs() as logged:
        async with answering(database) as harness:
            harness.break_engine_on("毒")
            await harness.say(LI, "毒")
            await harness.say(LI, "再来")
            await harness.until_ended(1)

    assert before < (REGISTRY.get_sample_value("webot_lane_restarts_total") or 0.0)
    assert ["not sent: making it failed, too"] == [line["apology"] for line in logged if line["event"] == "turn_failed"]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(TryAgain("60020: not trusted", alert=True, code="60020"), id="tried again"),
        pytest.param(Undeliverable("60020: not trusted", alert=True, code="60020"), id="given up"),
    ],
)
async def test_where_an_operator_is_needed_is_counted_by_code(error: TryAgain | Undeliverable) -> None:
    part = OutgoingPart(0, TextPart("话", "text"))
    with counted(1, "webot_operator_needed", channel="fake", code="60020"):
        await turns(FakeChannel(refusing(error)), FakeAnswerer(), FakeJournal()).run(a_turn(parts=(part,)))


@pytest.mark.parametrize("reason", ["turn.failed", "model.too_long"])
async def test_an_answer_that_could_not_be_made_is_counted_by_what_the_person_is_told(reason: str) -> None:
    answerer = FakeAnswerer(error=AnswerFailed("HTTP 401", reason=reason))
    with counted(1, "webot_answers_failed", reason=reason):
        await turns(FakeChannel(), answerer, FakeJournal()).run(a_turn())


@pytest.mark.parametrize(
    ("request_bytes", "reason"),
    [
        pytest.param(b"no HTTP at all\r\n\r\n", "not_http", id="not HTTP"),
        pytest.param(REQUEST + b"X: " + b"x" * HEAD_BYTES + b"\r\n\r\n", "head_too_large", id="a head too large"),
    ],
)
async def test_a_request_that_is_none_is_counted_by_reason(request_bytes: bytes, reason: str) -> None:
    with counted(1, "webot_requests_invalid", reason=reason):
        async with serving() as port:
            await send(port, request_bytes)


async def test_an_event_that_was_accepted_before_is_counted() -> None:
    intake = Intake(FakeInbox(), lambda _: False, keep_days=1)
    event = InboundEvent("k", ZHANG, Text("hi"), datetime.now(UTC))
    with counted(2, "webot_events_duplicate", channel="fake"):
        assert [True, False, False] == [await intake.accept(event) for _ in range(3)]


async def test_how_long_the_lease_holds_and_the_schema_are_told(tmp_path: Path, database_url: str) -> None:
    async with running_service(tmp_path, {"WEBOT_STORAGE__DATABASE_URL": database_url}) as service:
        answer = await service.console.get("/metrics")
    samples = {sample.name: sample for family in families_of(answer.text) for sample in family.samples}
    lease = samples["webot_lease_seconds"].value

    assert math.isinf(lease) if database_url.startswith("sqlite") else 0 < lease <= LEASE_SECONDS
    assert {"version": HEAD} == samples["webot_schema_info"].labels
