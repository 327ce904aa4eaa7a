import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from adapters.wecom.callback.crypto import CallbackKeys
from adapters.wecom.callback.xml import encrypted_part
from adapters.wecom.channel import WeComApp, open_wecom_app
from adapters.wecom.client.cache import Cache
from pipeline.errors import BadCallback
from pipeline.events import InboundEvent, Person, Text
from pipeline.ports import Channel, WebhookRequest, WebhookResponse
from pipeline.replies import TextPart, TextReply
from tests.adapters.wecom.application import (
    CORP,
    KEYS,
    OLDER_AES_KEY,
    OLDER_TOKEN,
    app_of,
    message,
    settings_of,
)
from tests.adapters.wecom.qyapi import Qyapi
from tests.fakes.malformed import sealed
from tests.fakes.ports import FakeSendLimiter, MemoryMedia

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "wire/wecom_app/vectors.json").read_text(encoding="utf-8")
)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> WeComApp:
    return app_of(Qyapi(), Cache(tmp_path_factory.mktemp("cache")))


def call_of(vector: dict[str, Any]) -> WebhookRequest:
    query = {name: values[0] for name, values in parse_qs(vector.get("query", "")).items()}
    if not query:
        query = {name: vector[name] for name in ("msg_signature", "timestamp", "nonce")}
    body = vector.get("body", "").encode()
    return WebhookRequest("POST" if body else "GET", query, body)


def named(name: str) -> dict[str, Any]:
    return next(vector for vector in [*VECTORS["vectors"], *VECTORS["derived"]] if vector["name"] == name)


def words_in(event: InboundEvent | None) -> str:
    assert event is not None
    assert isinstance(event.content, Text)
    return event.content.text


def a_channel(app: WeComApp) -> Channel:
    return app


def test_the_recorded_verification_is_answered_with_its_plaintext(receiver: WeComApp) -> None:
    vector = named("tencent-qdg6ek-verify-url")

    assert (WebhookResponse(200, vector["expected_response_body"]), None) == receiver.receive(call_of(vector))


@pytest.mark.parametrize(
    ("name", "user"), [("tencent-qdg6ek-xml-text", "mycreate"), ("tencent-qdg6ek-json-text", "mycreate")]
)
def test_a_recorded_callback_becomes_an_event(receiver: WeComApp, name: str, user: str) -> None:
    answer, event = receiver.receive(call_of(named(name)))

    assert answer == WebhookResponse(200, "")
    assert event is not None
    assert (f"{CORP}/218/{user}/4561255354251345929", Person("wecom", user), "hello") == (
        event.key,
        event.sender,
        words_in(event),
    )


@pytest.mark.parametrize("vector", VECTORS["negative"], ids=lambda vector: str(vector["name"]))
def test_a_recorded_forgery_is_refused(cache: Cache, vector: dict[str, Any]) -> None:
    if vector["expect_code"] == -40004:
        with pytest.raises(ValidationError, match="-40004"):
            settings_of(encoding_aes_key=vector["encoding_aes_key"])
        return
    app = app_of(Qyapi(), cache, corp_id=vector["receive_id"])

    with pytest.raises(BadCallback) as refused:
        app.receive(call_of(vector))

    assert refused.value.code == vector["expect_code"]
    assert refused.value.status in {400, 403}


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(WebhookRequest("GET", {}), id="a health probe"),
        pytest.param(WebhookRequest("GET", {"echostr": "x"}), id="an echo that nobody signed"),
        pytest.param(WebhookRequest("POST", {}, b"<xml><Encrypt>x</Encrypt></xml>"), id="a body that nobody signed"),
        pytest.param(WebhookRequest("POST", {}, b""), id="nothing"),
        pytest.param(WebhookRequest("DELETE", {}), id="another method"),
    ],
)
def test_what_is_no_callback_is_a_bad_request(receiver: WeComApp, call: WebhookRequest) -> None:
    with pytest.raises(BadCallback) as refused:
        receiver.receive(call)

    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("plain", "refused"),
    [
        pytest.param(b"6161403175551610", None, id="digits"),
        pytest.param(b"aZ09" * 16, None, id="64 letters and digits"),
        pytest.param(b"aZ09" * 16 + b"a", 403, id="65 of them"),
        pytest.param(b"", 403, id="nothing"),
        pytest.param(message("工资单密码是 hunter2"), 403, id="a message"),
        pytest.param(b'{"a":1}', 403, id="JSON"),
        pytest.param(b"123\n", 403, id="a line end"),
        pytest.param("１７".encode(), 403, id="digits of another script"),
        pytest.param(b"\xff\xfe", 403, id="no UTF-8"),
    ],
)
@pytest.mark.parametrize("timestamp", ["1409659589", "1790000000"])
def test_an_echo_is_letters_and_digits_whatever_its_timestamp(
    receiver: WeComApp, plain: bytes, refused: int | None, timestamp: str
) -> None:
    echo = KEYS.encrypt(plain)
    query = {"msg_signature": KEYS.sign(timestamp, "1", echo), "timestamp": timestamp, "nonce": "1", "echostr": echo}
    if refused is None:
        assert (WebhookResponse(200, plain.decode()), None) == receiver.receive(WebhookRequest("GET", query))
        return
    with pytest.raises(BadCallback, match="what the echostr seals is not 1 to 64 letters and digits") as refusal:
        receiver.receive(WebhookRequest("GET", query))

    assert refused == refusal.value.status


@pytest.mark.parametrize(
    "timestamp", ["", "abc", "-1", "１７", "１７６４２０００００", "1", "17642000001", " 1764200000", "1764200000\n"]
)
def test_a_signed_timestamp_is_ten_digits(receiver: WeComApp, timestamp: str) -> None:
    call = sealed(KEYS, message("hi"))
    encrypted = encrypted_part(call.body)
    query = {"msg_signature": KEYS.sign(timestamp, "1", encrypted), "timestamp": timestamp, "nonce": "1"}
    with pytest.raises(BadCallback, match="the timestamp is not ten digits") as refused:
        receiver.receive(WebhookRequest("POST", query, call.body))

    assert 403 == refused.value.status


def test_a_large_body_is_refused_as_such(receiver: WeComApp) -> None:
    with pytest.raises(BadCallback) as refused:
        receiver.receive(WebhookRequest("POST", {}, b"x" * 65537))

    assert refused.value.status == 413


def test_both_pairs_of_keys_open_during_a_change(cache: Cache) -> None:
    app = app_of(Qyapi(), cache, previous_token=OLDER_TOKEN, previous_encoding_aes_key=OLDER_AES_KEY)
    older = CallbackKeys.of(OLDER_TOKEN, OLDER_AES_KEY, CORP)

    assert [words_in(app.receive(sealed(keys, message("hi")))[1]) for keys in (KEYS, older)] == ["hi", "hi"]


def test_a_message_of_another_corp_inside_a_good_envelope_is_refused(receiver: WeComApp) -> None:
    with pytest.raises(BadCallback) as refused:
        receiver.receive(sealed(KEYS, message("hi", corp_id="another")))

    assert refused.value.code == -40005


def test_a_warning_of_suspension_reaches_the_operators_log(receiver: WeComApp) -> None:
    notice = (
        f"<xml><ToUserName>{CORP}</ToUserName><FromUserName>sys</FromUserName><CreateTime>1409659813</CreateTime>"
        "<MsgType>event</MsgType><Event>inactive_alert</Event><EffectTime>1764518400</EffectTime></xml>"
    )
    with capture_logs() as logs:
        receiver.receive(sealed(KEYS, notice.encode()))
        receiver.receive(sealed(KEYS, notice.replace("inactive_alert", "active_restored").encode()))

    assert logs == [
        {
            "event": "wecom_platform_notice",
            "log_level": "warning",
            "channel": "wecom",
            "notice": "inactive_alert",
        }
    ]


@pytest.mark.parametrize("format_", ["markdown", "text"])
def test_replies_are_rendered_in_the_format_of_the_settings(cache: Cache, format_: str) -> None:
    parts = app_of(Qyapi(), cache, message_format=format_).render([TextReply("hi")])

    assert parts == (TextPart("hi", format_),)  # type: ignore[arg-type] # one of the two


def test_a_channel_opens_from_its_settings(tmp_path: Path) -> None:
    app = a_channel(
        open_wecom_app(
            "hr", settings_of(), media=MemoryMedia(), send_limiter=FakeSendLimiter(), cache_folder=tmp_path / "cache"
        )
    )

    assert ("hr", 2048, False) == (app.name, app.capabilities.message_bytes, app.capabilities.streams)
