"""Callbacks of every shape to a bot that is called back: refused or answered, sealed with its own keys or not."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.aibot.callback.callback_channel import CallbackBotChannel
from adapters.wecom.callback.crypto import CallbackKeys
from pipeline.errors import BadCallback
from pipeline.events import InboundEvent
from pipeline.ports import WebhookRequest

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_SHAPES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
_NAMES = ("msgid", "aibotid", "chattype", "chatid", "from", "msgtype", "text", "stream", "event", "quote", "mixed")
_BODIES = st.dictionaries(st.sampled_from(_NAMES), _SHAPES | st.sampled_from(["text", "stream", "event", "mixed"]))
_KEYS = CallbackKeys.of("token", "a" * 43, "")
_NONE: Any = None
_HOSTED = CallbackBotChannel(
    "bot",
    WeComAibotSettings(mode="callback", token=SecretStr("token"), encoding_aes_key=SecretStr("a" * 43)),
    streams=_NONE,
    media=_NONE,
    send_limiter=_NONE,
)


@given(st.one_of(st.binary(max_size=200), _BODIES.map(lambda body: json.dumps(body).encode())), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hostile_bodies_are_refused_or_answered(data: bytes, sealed: bool) -> None:  # noqa: FBT001
    encrypted = _KEYS.encrypt(data)
    query = {"msg_signature": _KEYS.sign("1700000000", "n", encrypted), "timestamp": "1700000000", "nonce": "n"}
    body = json.dumps({"encrypt": encrypted}).encode() if sealed else data

    async def refuse(_: InboundEvent) -> bool:
        raise AssertionError("nothing of this is a message")

    # Nothing of it is waited for, so that it ends at the first step.
    with pytest.raises(BadCallback):
        _HOSTED.respond(WebhookRequest("POST", query, body), refuse).send(None)
