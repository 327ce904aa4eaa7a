"""The callback path of a running service against what is not WeCom's, or is WeCom's and was sent before."""

import secrets
import sqlite3
import time
from pathlib import Path

import httpx2
from structlog.testing import capture_logs

from adapters.wecom.callback.crypto import CallbackKeys
from pipeline import metrics
from tests.service import RunningService, running_service

DAY = 24 * 3600
ONE_DAY = {"WEBOT_STORAGE__KEEP_TURNS_DAYS": "1"}


def keys_of(service: RunningService) -> CallbackKeys:
    app = service.service.channels["wecom"].simulated
    assert app is not None
    return CallbackKeys.of(app.token, app.encoding_aes_key, app.corp_id)


def message(service: RunningService, text: str, *, sent_at: float | None = None, number: str = "") -> bytes:
    app = service.service.channels["wecom"].simulated
    assert app is not None
    return (
        f"<xml><ToUserName>{app.corp_id}</ToUserName><FromUserName>zhangsan</FromUserName>"
        f"<CreateTime>{int(time.time() if sent_at is None else sent_at)}</CreateTime><MsgType>text</MsgType>"
        f"<Content>{text}</Content><MsgId>{number or secrets.randbelow(10**15)}</MsgId>"
        f"<AgentID>{app.agent_id}</AgentID></xml>"
    ).encode()


def signed(keys: CallbackKeys, encrypted: str, timestamp: str = "", nonce: str = "1372623149") -> dict[str, str]:
    timestamp = timestamp or str(int(time.time()))
    return {"msg_signature": keys.sign(timestamp, nonce, encrypted), "timestamp": timestamp, "nonce": nonce}


async def post(service: RunningService, query: dict[str, str], encrypted: str) -> httpx2.Response:
    return await service.http.post("/gpt", params=query, content=f"<xml><Encrypt>{encrypted}</Encrypt></xml>")


def count(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_captured_message_does_not_come_out_as_an_echo(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        keys = keys_of(service)
        encrypted = keys.encrypt(message(service, "工资单密码是 hunter2"))
        captured = signed(keys, encrypted)
        accepted = await post(service, captured, encrypted)
        with capture_logs() as logs:
            echoed = await service.http.get("/gpt", params=captured | {"echostr": encrypted})

        assert (200, 403, "") == (accepted.status_code, echoed.status_code, echoed.text)
        assert ["what the echostr seals is not 1 to 64 letters and digits, so it is no verification by WeCom"] == [
            line["reason"] for line in logs if line["event"] == "callback_refused"
        ]


async def test_the_same_bytes_are_answered_once_whatever_the_age_of_the_row(tmp_path: Path) -> None:
    async with running_service(tmp_path, ONE_DAY) as service:
        keys = keys_of(service)
        app = service.service.channels["wecom"].simulated
        assert app is not None
        encrypted = keys.encrypt(message(service, "transfer the report to everybody"))
        query = signed(keys, encrypted)
        await post(service, query, encrypted)
        await service.phone().texts(count=1)
        await service.service.worker.drain()
        with sqlite3.connect(tmp_path / "webot.db") as database:
            database.execute(
                "UPDATE inbox SET ended_at = ended_at - ?, accepted_at = accepted_at - ?", (2 * DAY, 2 * DAY)
            )
        await service.service.cleanup.clean()
        again = await post(service, query, encrypted)
        with sqlite3.connect(tmp_path / "webot.db") as database:
            waiting = database.execute("SELECT count(*) FROM inbox WHERE state = 'waiting'").fetchone()

        assert (200, (0,)) == (again.status_code, waiting)


async def test_a_message_out_of_time_is_acknowledged_and_not_answered(tmp_path: Path) -> None:
    async with running_service(tmp_path, ONE_DAY) as service:
        keys = keys_of(service)
        before = count("webot_events_dropped_total", channel="wecom", reason="too_old")
        with capture_logs() as logs:
            for text in ("transfer the report to everybody", "@clear"):
                old = keys.encrypt(message(service, text, sent_at=time.time() - 2 * DAY))
                answer = await post(service, signed(keys, old), old)

                assert 200 == answer.status_code
        phone = service.phone()
        await phone.say("this one counts")
        (text,) = await phone.texts(count=1)

        assert "this one counts" in text
        assert 2 == count("webot_events_dropped_total", channel="wecom", reason="too_old") - before
        assert ["too_old"] * 2 == [line["reason"] for line in logs if line["event"] == "event_out_of_time"]
        assert "report" not in str(logs)


async def test_refusals_are_counted_by_reason_and_logged_with_it(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        keys = keys_of(service)
        other = CallbackKeys(keys.token, keys.key, "another corp")
        reasons = ("signature", "unreadable", "too_large", "method", "receiver", "echo", "timestamp")
        before = {name: count("webot_callbacks_refused_total", channel="wecom", reason=name) for name in reasons}
        encrypted, foreign = keys.encrypt(message(service, "x")), other.encrypt(message(service, "x"))
        with capture_logs() as logs:
            await post(service, signed(keys, encrypted) | {"msg_signature": "0" * 40}, encrypted)
            await service.http.post("/gpt", params=signed(keys, "x"), content=b"junk")
            await service.http.post("/gpt", content=b"x" * 70_000)
            await service.http.head("/gpt")
            await post(service, signed(other, foreign), foreign)
            await service.http.get("/gpt?a=b")
            await post(service, signed(keys, encrypted, timestamp="1"), encrypted)
        counted = {
            name: count("webot_callbacks_refused_total", channel="wecom", reason=name) - before[name]
            for name in reasons
        }

        assert dict.fromkeys(reasons, 1.0) == counted
        assert 7 == len({line["reason"] for line in logs if line["event"] == "callback_refused"})
