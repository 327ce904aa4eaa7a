"""The whole examination, in the order in which one thing stands on another."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import cast

from pydantic import SecretStr

from adapters.simulator.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from adapters.wecom.settings import WeComAppSettings
from pipeline.errors import SettingsInvalid
from pipeline.words import Catalogue
from web.access import kept_access
from web.addresses import addresses_of
from web.configuration import Loaded, secrets_of
from web.doctor.apps import Means, examine_app
from web.doctor.callbacks import examine_keys, examine_ways
from web.doctor.exposure import examine_console, examine_exposure
from web.doctor.findings import Finding, Teller
from web.doctor.ground import examine_ground, examine_service, examine_start
from web.doctor.models import examine_models
from web.doctor.servers import examine_servers
from web.masking import Masker

_NEARBY_SECONDS = 3.0


def teller_for(loaded: Loaded) -> Teller:
    """Give the doctor's voice for these settings."""
    return Teller(Catalogue(loaded.settings.chat.language), Masker(secrets_of(loaded)))


def refused(error: SettingsInvalid) -> Finding:
    """Tell of settings that cannot be used; in which language, they do not say."""
    teller = Teller(Catalogue("zh"), Masker())
    return teller.ill("settings", "settings_bad", "settings_fix", problems="; ".join(error.problems))


async def examine(loaded: Loaded, *, seconds: float) -> AsyncIterator[Finding]:
    """Yield findings as they are made; no single answer is waited for longer than `seconds`."""
    teller = teller_for(loaded)
    settings = loaded.settings
    async for finding in examine_ground(loaded, teller):
        yield finding
    yield await examine_start(loaded, teller)
    addresses = addresses_of(loaded)
    service, running = await examine_service(addresses, teller, min(seconds, _NEARBY_SECONDS))
    yield service
    yield examine_console(addresses.console, settings, await asyncio.to_thread(kept_access, settings), teller)
    for name, table in cast("Mapping[str, WeComAppSettings]", loaded.channels).items():
        channel = teller.of(name)
        if not table.has_credentials:
            async for finding in _examine_stand_in(name, loaded, channel, seconds):
                yield finding
            continue
        yield examine_keys(table, channel)
        means = Means(settings.network.proxy.get_secret_value(), seconds, settings.menu.buttons)
        async for finding in examine_app(table, means, channel):
            yield finding
        async for finding in examine_ways(name, table, settings, channel, running=running, seconds=seconds):
            yield finding
    async for finding in examine_models(settings, teller, seconds):
        yield finding
    async for finding in examine_servers(settings, teller, seconds):
        yield finding
    async for finding in examine_exposure(settings, teller, seconds):
        yield finding


async def _examine_stand_in(name: str, loaded: Loaded, teller: Teller, seconds: float) -> AsyncIterator[Finding]:
    """Try a channel without credentials on a simulator of our own: the running service keeps its to itself."""
    if not loaded.settings.simulator.enabled:
        yield teller.ill("stand_in", "stand_in_off", "stand_in_off_fix")
        return
    yield teller.well("stand_in", "stand_in_ok")
    app = invent_app(name=name)
    async with WeComSimulator([app]) as simulator:
        table = WeComAppSettings(
            corp_id=app.corp_id,
            secret=SecretStr(app.secret),
            agent_id=app.agent_id,
            token=SecretStr(app.token),
            encoding_aes_key=SecretStr(app.encoding_aes_key),
            api_base=simulator.url,
        )
        yield examine_keys(table, teller)
        means = Means("", seconds, loaded.settings.menu.buttons, simulated=True)
        async for finding in examine_app(table, means, teller):
            yield finding
    yield teller.unchecked("callback", "callback_simulated")
