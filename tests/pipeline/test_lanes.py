"""What is too old for its key to be kept, or sent too far in the future, is not answered."""

from datetime import UTC, datetime

import pytest

from pipeline.events import InboundEvent, Person, Text
from pipeline.lanes import Intake
from tests.fakes.ports import FakeInbox

HOUR = 3600.0
DAY = 24 * HOUR
NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("age", "accepted"),
    [
        pytest.param(0.0, True, id="now"),
        pytest.param(22.9 * HOUR, True, id="as old as keys are kept, less the margin"),
        pytest.param(23.1 * HOUR, False, id="within the margin before keys go"),
        pytest.param(2 * DAY, False, id="older than keys are kept"),
        pytest.param(50 * 365 * DAY, False, id="of another age"),
        pytest.param(-DAY - HOUR, True, id="of a clock that is a day ahead of ours"),
        pytest.param(-3 * DAY, False, id="far in the future"),
    ],
)
async def test_an_event_is_answered_only_while_its_key_is_kept(age: float, *, accepted: bool) -> None:
    inbox = FakeInbox()
    intake = Intake(inbox, lambda _: False, keep_days=1, clock=lambda: NOW)
    event = InboundEvent("k", Person("wecom", "z"), Text("hi"), datetime.fromtimestamp(NOW - age, UTC))
    new = await intake.accept(event)

    assert (accepted, ["k"] * accepted) == (new, inbox.keys)


@pytest.mark.parametrize(("sent", "accepted"), [(NOW - 10 * DAY, False), (NOW - 8 * DAY, False), (NOW - 7 * DAY, True)])
async def test_keys_that_were_removed_refuse_though_they_would_be_kept_longer_now(
    sent: float, *, accepted: bool
) -> None:
    inbox = FakeInbox()
    intake = Intake(inbox, lambda _: False, keep_days=30, keyless_until=lambda: NOW - 8 * DAY, clock=lambda: NOW)
    event = InboundEvent("k", Person("wecom", "z"), Text("hi"), datetime.fromtimestamp(sent, UTC))

    assert accepted == await intake.accept(event)
