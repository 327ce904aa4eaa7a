"""What a bot is opened with holds for all it reaches: its socket, its files and the address of an answer.

Where WeCom is not played on this machine, this machine is not asked for anything; and `[network] proxy` has it all.
"""

import json
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.simulator.bots.bot_bodies import callback_body
from adapters.simulator.bots.bot_files import FILE_KEY
from adapters.simulator.platform.apps import invent_bot
from adapters.simulator.platform.timeline import MemberAction
from adapters.wecom.callback.crypto import CallbackKeys
from pipeline.errors import TryAgain, Undeliverable
from pipeline.events import Clicked, Content
from tests.adapters.aibot.test_proxy import RefusingProxy, proxy
from tests.service import RunningService, running_service, until

__all__ = ["proxy"]

CALLED = invent_bot()
NOW = time.time()


async def call(service: RunningService, content: Content, key: str, address: str) -> int:
    """Post to the bot that is called back what WeCom would, with an address for the answer."""
    said = MemberAction(1, NOW, CALLED.corp_id, CALLED.agent_id, "zhangsan", "", content)
    _, body = callback_body(CALLED, said, key, lambda _: {})
    body["response_url"] = address
    keys = CallbackKeys.of(CALLED.token, CALLED.encoding_aes_key, "")
    encrypted = keys.encrypt(json.dumps(body).encode())
    query = {"msg_signature": keys.sign("1800000000", "n", encrypted), "timestamp": "1800000000", "nonce": "n"}
    return (await service.http.post("/called", params=query, json={"encrypt": encrypted})).status_code


@pytest.fixture
def environ(proxy: tuple[RefusingProxy, str]) -> dict[str, str]:
    return {
        "WEBOT_NETWORK__PROXY": proxy[1],
        "WEBOT_CHANNELS__BOT__KIND": "wecom_aibot",
        "WEBOT_CHANNELS__BOT__BOT_ID": "aibOther",
        "WEBOT_CHANNELS__BOT__SECRET": "s",
        "WEBOT_CHANNELS__BOT__CONNECTION_URL": "wss://bots.example.test",
        "WEBOT_CHANNELS__CALLED__KIND": "wecom_aibot",
        "WEBOT_CHANNELS__CALLED__MODE": "callback",
        "WEBOT_CHANNELS__CALLED__PATH": "/called",
        "WEBOT_CHANNELS__CALLED__BOT_ID": CALLED.bot_id,
        "WEBOT_CHANNELS__CALLED__TOKEN": CALLED.token,
        "WEBOT_CHANNELS__CALLED__ENCODING_AES_KEY": CALLED.encoding_aes_key,
    }


async def test_bots_go_by_the_proxy_and_ask_nothing_of_this_machine(
    tmp_path: Path,
    proxy: tuple[RefusingProxy, str],
    environ: dict[str, str],
) -> None:
    asked, here = proxy[0].asked, proxy[1].replace("me:opensesame@", "")
    with capture_logs() as logs:
        async with running_service(tmp_path, environ) as service:
            await until(lambda: ("CONNECT bots.example.test:443 HTTP/1.1", True) in asked)
            for name in ("bot", "called"):
                channel = service.service.channels[name].channel
                with pytest.raises(TryAgain):
                    await channel.fetch(json.dumps([f"https://{name}.example.test/a?sign=S3CRET", FILE_KEY]))
                with pytest.raises(Undeliverable):
                    await channel.fetch(json.dumps([f"{here}/cgi-bin/{name}?sign=S3CRET", FILE_KEY]))
            # A pressed button is answered by its address and nothing else.
            qyapi = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=S3CRET"
            assert 200 == await call(service, Clicked("@help"), "one", f"{here}/cgi-bin/aibot/response?c=S3CRET")
            assert 200 == await call(service, Clicked("@help"), "two", qyapi)
            await until(lambda: ("CONNECT qyapi.weixin.qq.com:443 HTTP/1.1", True) in asked)

    hosts = {"bots.example.test", "bot.example.test", "called.example.test", "qyapi.weixin.qq.com"}
    assert {f"CONNECT {host}:443 HTTP/1.1" for host in hosts} == {line for line, _ in asked}
    assert "S3CRET" not in str(logs)
