"""The page of the status says of each channel what connects it, and nothing that does not concern its kind."""

import re
from pathlib import Path

import pytest

from adapters.simulator.platform.apps import invent_bot
from adapters.simulator.simulator import WeComSimulator
from tests.service import running_service
from web.security.access import token_path

APPLICATION = "corp_id, secret, agent_id, token, encoding_aes_key"


@pytest.mark.parametrize(("mode", "keys"), [("connection", "bot_id, secret"), ("callback", "token, encoding_aes_key")])
async def test_the_status_names_the_credentials_that_each_channel_lacks(tmp_path: Path, mode: str, keys: str) -> None:
    environ = {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot", "WEBOT_CHANNELS__BOT__MODE": mode}
    async with running_service(tmp_path, environ) as service:
        page = (await service.console.get("/console/status?lang=en")).text

    assert [(APPLICATION, "wecom"), (keys, "bot")] == re.findall(r"Set ([\w, ]+) of \[channels\.(\w+)\]", page)
    assert 2 == page.count("<code>webot init</code> does it for you")


async def test_a_connected_bot_has_no_address_to_enter_in_wecom(tmp_path: Path) -> None:
    async with WeComSimulator() as wecom:
        bot = wecom.register(invent_bot())
        environ = {
            "WEBOT_SERVER__PUBLIC_URL": "https://bot.example.com",
            "WEBOT_CHANNELS__BOT__KIND": "wecom_aibot",
            "WEBOT_CHANNELS__BOT__BOT_ID": bot.bot_id,
            "WEBOT_CHANNELS__BOT__SECRET": bot.secret,
            "WEBOT_CHANNELS__BOT__CONNECTION_URL": wecom.bot_url,
        }
        async with running_service(tmp_path, environ) as service:
            token = token_path(service.service.settings).read_text().strip()
            bearer = {"Authorization": f"Bearer {token}"}
            page = await service.console.get("/console/status?lang=en", headers=bearer)

    (section,) = re.findall(r"<h2>\[channels\.bot\].*?</section>", page.text, re.DOTALL)
    assert "Chain" in section
    assert "Callback URL" not in section
