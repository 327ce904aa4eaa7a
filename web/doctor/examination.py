"""The whole examination, in the order in which one thing stands on another."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import cast

from pydantic import SecretStr

from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from adapters.wecom.settings import WeComAppSettings
from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Catalogue
from web.doctor.apps import AppCheckContext, examine_app
from web.doctor.callbacks import examine_keys, examine_ways
from web.doctor.environment import examine_ground, examine_service, examine_start
from web.doctor.exposure import examine_console, examine_exposure
from web.doctor.findings import Finding, FindingFactory
from web.doctor.models import examine_models
from web.doctor.servers import examine_servers
from web.http.addresses import addresses_of
from web.logs.redaction import Redactor
from web.security.access import kept_access
from web.settings.loading import Loaded, secrets_of

_NEARBY_SECONDS = 3.0


def findings_for(loaded: Loaded) -> FindingFactory:
    """Return the doctor's voice for these settings."""
    return FindingFactory(Catalogue(loaded.settings.chat.language), Redactor(secrets_of(loaded)))


def refused(error: SettingsInvalid) -> Finding:
    """Return the findings about settings that cannot be used; the language they name is unknown then."""
    teller = FindingFactory(Catalogue("zh"), Redactor())
    return teller.failed("settings", "settings_bad", "settings_fix", problems="; ".join(error.problems))


async def examine(loaded: Loaded, *, seconds: float) -> AsyncIterator[Finding]:
    """Yield findings as they are made; no single answer is waited for longer than `seconds`."""
    teller = findings_for(loaded)
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
        means = AppCheckContext(settings.network.proxy.get_secret_value(), seconds, settings.menu.buttons)
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


async def _examine_stand_in(
    name: str, loaded: Loaded, finding_factory: FindingFactory, seconds: float
) -> AsyncIterator[Finding]:
    """Try a channel without credentials on a simulator of our own: the running service keeps its to itself."""
    if not loaded.settings.simulator.enabled:
        yield finding_factory.failed("stand_in", "stand_in_off", "stand_in_off_fix")
        return
    yield finding_factory.ok("stand_in", "stand_in_ok")
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
        yield examine_keys(table, finding_factory)
        means = AppCheckContext("", seconds, loaded.settings.menu.buttons, simulated=True)
        async for finding in examine_app(table, means, finding_factory):
            yield finding
    yield finding_factory.skipped("callback", "callback_simulated")
