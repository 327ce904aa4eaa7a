"""What was entered, tried for real before it is written: with the checks of the doctor."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime

from pydantic import SecretStr

from adapters.channel_kind import ExaminationContext
from pipeline.findings import Finding, FindingFactory
from pipeline.settings import ChannelSettings, ModelTable
from pipeline.text.i18n import Catalogue
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
    kind = loaded.kinds[table.kind]
    if connect and kind.connect is not None:
        async for finding in kind.connect(table, context):
            yield finding


async def try_model(loaded: Loaded, name: str, table: ModelTable) -> AsyncIterator[Finding]:
    """Ask a model a tiny question."""
    alone = loaded.settings.model_copy(update={"models": {name: table}})
    async for finding in examine_models(alone, _findings(loaded, table), _SECONDS):
        if finding.about in ("", name):
            yield finding


async def _never() -> datetime | None:
    return None


def _findings(loaded: Loaded, table: ChannelSettings | ModelTable) -> FindingFactory:
    """Return what words findings, with the secrets masked that were entered just now as well."""
    entered = [value.get_secret_value() for _, value in table if isinstance(value, SecretStr)]
    known = [*secrets_of(loaded), *filter(None, entered)]
    return FindingFactory(Catalogue(loaded.settings.chat.language), Redactor(known).text)
