"""The doctor looks at a bot without taking it from whoever is connected."""

import asyncio
from pathlib import Path

import pytest

from adapters.simulator.platform.apps import App, invent_bot
from adapters.simulator.simulator import WeComSimulator
from pipeline.findings import Finding
from tests.service import until
from web.doctor.examination import examine
from web.http.server import serving
from web.listeners import bind
from web.settings.addresses import addresses_of
from web.settings.loading import Loaded, load
from web.wiring import Service


def settings_for(folder: Path, app: App, url: str, **more: str) -> Loaded:
    keys = {"KIND": "wecom_aibot", "BOT_ID": app.bot_id, "SECRET": app.secret, "CONNECTION_URL": url}
    return load(
        folder,
        {
            **{f"WEBOT_CHANNELS__BOT__{key}": value for key, value in keys.items()},
            "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{folder}/webot.db",
            "WEBOT_STORAGE__DATA_DIR": str(folder / "data"),
            "WEBOT_CHAT__LANGUAGE": "en",
            **more,
        },
    )


async def found(loaded: Loaded) -> dict[str, Finding]:
    return {finding.check: finding async for finding in examine(loaded, seconds=5) if finding.about == "bot"}


async def test_a_bot_of_an_idle_service_is_reached_and_not_taken(tmp_path: Path) -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        loaded = await asyncio.to_thread(settings_for, tmp_path, app, simulator.bot_url, WEBOT_SERVER__PORT="1")
        findings = await found(loaded)

        assert {"network": "well", "bot": "unchecked", "arrived": "doubtful"} == {
            check: finding.state for check, finding in findings.items()
        }
        assert 0 == simulator.bots.frames["aibot_subscribe"]


async def test_an_address_where_nobody_listens_is_named(tmp_path: Path) -> None:
    loaded = await asyncio.to_thread(settings_for, tmp_path, invent_bot(), "ws://127.0.0.1:9", WEBOT_SERVER__PORT="1")

    assert "ws://127.0.0.1:9" in (await found(loaded))["network"].says


@pytest.mark.parametrize(
    ("state", "says"),
    [("connected", ""), ("kicked", "another connection has subscribed"), ("refused", "were refused with 40001")],
)
async def test_a_running_service_is_asked_how_its_connection_stands(tmp_path: Path, state: str, says: str) -> None:
    async with WeComSimulator() as simulator:
        app = simulator.register(invent_bot())
        loaded = await asyncio.to_thread(settings_for, tmp_path, app, simulator.bot_url, WEBOT_SERVER__PORT="0")
        listeners = bind(addresses_of(loaded))
        port = listeners.url.rpartition(":")[2]
        if state == "refused":
            simulator.bots.add_fault("refuse_subscription", None)
        async with serving(loaded, listeners) as service:
            if state != "refused":
                await simulator.bots.connected(app)
            if state == "kicked":
                await simulator.bots.kick(app)
            if says:
                await until(lambda: trouble_of(service))
            loaded = await asyncio.to_thread(settings_for, tmp_path, app, simulator.bot_url, WEBOT_SERVER__PORT=port)
            finding = (await found(loaded))["bot"]

    assert ("ill" if says else "well") == finding.state
    assert says in finding.says


async def test_a_service_that_runs_without_the_bot_is_to_be_started_again(tmp_path: Path) -> None:
    async with WeComSimulator() as simulator:
        ours, other = simulator.register(invent_bot()), simulator.register(invent_bot())
        earlier = await asyncio.to_thread(settings_for, tmp_path, other, simulator.bot_url, WEBOT_SERVER__PORT="0")
        listeners = bind(addresses_of(earlier))
        port = listeners.url.rpartition(":")[2]
        async with serving(earlier, listeners):
            # Another bot in a table of the same name, connected: `channels` is ok.
            await simulator.bots.connected(other)
            loaded = await asyncio.to_thread(settings_for, tmp_path, ours, simulator.bot_url, WEBOT_SERVER__PORT=port)
            finding = (await found(loaded))["bot"]

    assert ("ill", True) == (finding.state, "Restart the service" in finding.fix)


def trouble_of(service: Service) -> str:
    return service.channels["bot"].trouble()


async def test_a_bot_that_is_called_back_is_looked_at_by_its_keys_and_its_path(tmp_path: Path) -> None:
    app = invent_bot()
    own = {"MODE": "callback", "TOKEN": app.token, "ENCODING_AES_KEY": app.encoding_aes_key, "PATH": "/robot"}
    more = {f"WEBOT_CHANNELS__BOT__{key}": value for key, value in own.items()}
    url = "wss://openws.work.weixin.qq.com"
    loaded = await asyncio.to_thread(settings_for, tmp_path, app, url, WEBOT_SERVER__PORT="1", **more)
    states = {check: finding.state for check, finding in (await found(loaded)).items()}

    assert {"keys": "well", "callback": "unchecked", "public": "unchecked", "arrived": "doubtful"} == states
