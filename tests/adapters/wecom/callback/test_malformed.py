import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from adapters.wecom.callback.xml import legal_text
from adapters.wecom.channel import WeComApp
from adapters.wecom.client.cache import Cache
from pipeline.errors import BadCallback
from pipeline.events import InboundEvent, Text
from pipeline.ports import WebhookRequest
from tests.adapters.wecom.application import KEYS, app_of, message
from tests.adapters.wecom.qyapi import Qyapi
from tests.fakes.malformed import hostile_callbacks, sealed

LEGAL_CHARACTERS = st.characters(exclude_categories=["Cs"]).filter(lambda character: legal_text(character) == character)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> WeComApp:
    return app_of(Qyapi(), Cache(tmp_path_factory.mktemp("cache")))


@given(
    st.text(LEGAL_CHARACTERS, max_size=600)
    | st.lists(st.sampled_from(["]]>", "]]", "👩‍👩‍👧‍👦", "\r\n", " ", "\n", "<![CDATA[", "&amp;", "字"])).map("".join)
)
def test_words_arrive_as_they_were_sealed(receiver: WeComApp, said: str) -> None:
    # XML reads every line end as a newline.
    expected = said.replace("\r\n", "\n").replace("\r", "\n")
    _, event = receiver.receive(sealed(KEYS, message(said)))

    assert event is not None
    assert event.content == Text(expected)


@pytest.mark.parametrize("seed", range(4))
def test_hostile_callbacks_are_refused_or_read_and_nothing_else(receiver: WeComApp, seed: int) -> None:
    calls = hostile_callbacks(seed, KEYS, agent_id=218)
    with capture_logs() as logs:
        outcomes = [outcome_of(receiver, next(calls)) for _ in range(1500)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, BadCallback)]
    events = [outcome for outcome in outcomes if isinstance(outcome, InboundEvent)]

    assert {refusal.code for refusal in refused} <= set(range(-40011, -40000))
    assert {refusal.status for refusal in refused} == {400, 403, 413}
    assert events
    assert all(fit_for_storage(event) for event in events)
    assert logs == []


def outcome_of(receiver: WeComApp, call: WebhookRequest) -> InboundEvent | BadCallback | None:
    try:
        return receiver.receive(call)[1]
    except BadCallback as refused:
        return refused


def fit_for_storage(event: InboundEvent) -> bool:
    values = [event.key, event.sender.user, *dataclasses.asdict(event.content).values()]
    return (
        len(event.key) <= 255
        and all(legal_text(value) == value for value in values if isinstance(value, str))
        and all(math.isfinite(value) for value in values if isinstance(value, float))
    )


def test_nothing_said_is_logged_whatever_becomes_of_it(receiver: WeComApp) -> None:
    calls = [
        sealed(KEYS, message("my secret")),
        sealed(KEYS, message("my secret")[:-3]),
        sealed(KEYS, message("my secret", corp_id="x")),
        sealed(KEYS, message("my secret").replace(b"MsgId", b"MsgNo")),
        sealed(KEYS, b'{"Content": "my secret"'),
    ]
    with capture_logs() as logs:
        outcomes = [outcome_of(receiver, call) for call in calls]

    assert [InboundEvent, *[BadCallback] * 4] == [type(outcome) for outcome in outcomes]
    assert "secret" not in repr(outcomes[1:])
    assert logs == []
