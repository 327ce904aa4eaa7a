"""The whole examination, in the order in which one thing stands on another."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from adapters.channel_kind import ExaminationContext
from pipeline.errors import SettingsInvalid, WebotError
from pipeline.findings import Finding, FindingFactory
from pipeline.net import local_url
from pipeline.text.i18n import Catalogue, Language
from storage.database.access import open_for_cli
from storage.monitoring.views import last_accepted
from web.doctor.answering_chains import examine_chains, read_answering_chains
from web.doctor.environment import examine_ground, examine_service, examine_start
from web.doctor.exposure import examine_console, examine_exposure
from web.doctor.models import examine_models
from web.doctor.servers import examine_servers
from web.logs.redaction import Redactor
from web.security.access import kept_access
from web.settings.addresses import addresses_of, has_real_channel
from web.settings.loading import Loaded, secrets_of

_NEARBY_SECONDS = 3.0
_ANSWER_SECONDS = 20.0
"""That the console and the API wait for any one answer."""


def findings_for(loaded: Loaded, language: Language | None = None) -> FindingFactory:
    """Return what puts findings into words: in a language, or in that of the settings."""
    return FindingFactory(Catalogue(language or loaded.settings.chat.language), Redactor(secrets_of(loaded)).text)


def refused(error: SettingsInvalid, language: Language) -> Finding:
    """Return the finding about settings that cannot be used."""
    teller = FindingFactory(Catalogue(language), Redactor().text)
    return teller.failed("settings", "settings_bad", "settings_fix", problems=teller.listed(error.problems))


async def examine(loaded: Loaded, *, seconds: float, language: Language | None = None) -> AsyncIterator[Finding]:
    """Yield findings as they are made; no single answer is waited for longer than `seconds`."""
    teller = findings_for(loaded, language)
    settings = loaded.settings
    async for finding in examine_ground(loaded, teller):
        yield finding
    yield await examine_start(loaded, teller)
    addresses = addresses_of(loaded)
    service, running = await examine_service(addresses, teller, min(seconds, _NEARBY_SECONDS))
    yield service
    access = await asyncio.to_thread(kept_access, settings)
    yield examine_console(addresses.console, settings, access, teller, real=has_real_channel(loaded))
    for name, table in loaded.channels.items():
        context = ExaminationContext(
            name=name,
            findings=teller.of(name),
            seconds=seconds,
            proxy=settings.network.proxy.get_secret_value(),
            buttons=settings.menu_buttons,
            local_url=local_url(settings.server.host, settings.server.port) if running else "",
            public_url=settings.server.public_url.rstrip("/"),
            simulator_enabled=settings.simulator.enabled,
            last_accepted=partial(latest_accepted, loaded, name),
        )
        async for finding in loaded.kinds[table.kind].examine(table, context):
            yield finding
    async for finding in examine_models(settings, teller, seconds):
        yield finding
    chains = await read_answering_chains(settings)
    for finding in examine_chains(chains, teller):
        yield finding
    async for finding in examine_servers(settings, chains.chains if chains else (), teller, seconds):
        yield finding
    async for finding in examine_exposure(settings, teller, seconds):
        yield finding


async def report(loaded: Loaded, language: Language) -> list[Finding]:
    """Return every finding in a language."""
    return [finding async for finding in examine(loaded, seconds=_ANSWER_SECONDS, language=language)]


async def latest_accepted(loaded: Loaded, channel: str) -> datetime | None:
    """Return when a channel last accepted anything; None for never, and where the database does not say."""
    try:
        async with open_for_cli(loaded.settings.storage.database_url.get_secret_value()) as database:
            return await last_accepted(database, channel)
    except WebotError:
        # What is wrong with the database has been said; where there is none, nothing has come.
        return None
