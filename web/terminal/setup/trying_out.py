"""What was entered, tried for real before it is written: with the checks of the doctor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from datetime import datetime

from pydantic import SecretStr

from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.channel_kind import ExaminationContext
from pipeline.findings import Finding, FindingFactory
from pipeline.settings import ChannelSettings, ModelTable
from pipeline.text.i18n import Catalogue, Sentence
from web.doctor.models import examine_models
from web.logs.redaction import Redactor
from web.settings.loading import Loaded, secrets_of

_TRIED = ("keys", "network", "clock", "token", "app")
"""The doctor's other checks need a running service, or an address that WeCom has been told."""
_SECONDS = 20.0


async def try_channel(loaded: Loaded, name: str, table: ChannelSettings, *, connect: bool) -> AsyncIterator[Finding]:
    """Try a channel's values; a bot is connected, and taken from whoever has it, only where `connect` says so."""
    context = ExaminationContext(
        name=name,
        findings=_findings(loaded, table).of(name),
        seconds=_SECONDS,
        proxy=loaded.settings.network.proxy.get_secret_value(),
        buttons=(),
        local_url="",
        public_url="",
        simulator_enabled=False,
        last_accepted=_never,
    )
    async with aclosing(loaded.kinds[table.kind].examine(table, context)) as findings:  # type: ignore[type-var]
        async for finding in findings:
            if finding.check not in _TRIED:
                break
            yield finding
    if connect and isinstance(table, WeComAibotSettings) and table.mode == "connection":
        yield await _subscribe(table, context)


async def try_model(loaded: Loaded, name: str, table: ModelTable) -> AsyncIterator[Finding]:
    """Ask a model a tiny question."""
    alone = loaded.settings.model_copy(update={"models": {name: table}})
    async for finding in examine_models(alone, _findings(loaded, table), _SECONDS):
        if finding.about in ("", name):
            yield finding


async def _subscribe(table: WeComAibotSettings, context: ExaminationContext) -> Finding:
    from adapters.aibot.connection import BotConnection  # noqa: PLC0415 (the WebSocket client)

    connection = BotConnection(
        context.name,
        table.connection_url,
        bot_id=table.bot_id,
        secret=table.secret.get_secret_value(),
        on_callback=lambda _: None,
        proxy=context.proxy,
    )
    running = asyncio.create_task(connection.run())
    try:
        for _ in range(round(_SECONDS)):
            if await connection.subscribed(1.0):
                return context.findings.ok("bot", "bot_subscribed")
            if connection.state == "refused":
                break
        reason = connection.trouble or Sentence("init.no_subscription")
        return context.findings.failed("bot", "bot_trouble", "bot_trouble_fix", reason=reason)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def _never() -> datetime | None:
    return None


def _findings(loaded: Loaded, table: ChannelSettings | ModelTable) -> FindingFactory:
    """Return what words findings, with the secrets masked that were entered just now as well."""
    entered = [value.get_secret_value() for _, value in table if isinstance(value, SecretStr)]
    known = [*secrets_of(loaded), *filter(None, entered)]
    return FindingFactory(Catalogue(loaded.settings.chat.language), Redactor(known).text)
