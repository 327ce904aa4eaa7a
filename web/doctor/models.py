"""The models of the settings: those that answer are asked, the others looked at."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from chains.evaluation.probe import ModelProbe
from chains.models.errors import failure_sentence, to_answer_failed
from chains.models.registry import ModelRegistry
from chains.models.tables import NOT_CHAT, address_doubts
from pipeline.errors import AnswerFailed, SettingsInvalid
from pipeline.findings import Finding, FindingFactory
from pipeline.settings import ModelTable, Settings
from pipeline.text.i18n import Catalogue

_ASKED = "1+1=?"
_FIXES = frozenset(
    {"key", "quota", "busy", "missing", "timeout", "unreachable", "refused", "broken", "garbled", "failed"}
)


async def examine_models(settings: Settings, finding_factory: FindingFactory, seconds: float) -> AsyncIterator[Finding]:
    """Ask each model a tiny question, alone: what stands in for it would hide that it fails."""
    alone = settings.model_copy(
        update={"models": {name: _alone(one, seconds) for name, one in settings.models.items()}}
    )
    try:
        # They look for packages on the disk.
        await asyncio.to_thread(ModelRegistry, settings, Catalogue(settings.chat.language))
        words = await asyncio.to_thread(Catalogue, settings.chat.language)
        models = await asyncio.to_thread(ModelRegistry, alone, words)
    except SettingsInvalid as error:
        yield _unusable(error, finding_factory)
        return
    try:
        await asyncio.to_thread(models.examine)
        for name in models.names:
            finding = await _asked(models, name, words, finding_factory.of(name), seconds)
            yield finding
            if finding.state == "ill":
                for doubt in address_doubts({name: settings.models[name]}):
                    yield finding_factory.of(name).warning("model", "model_address", said=doubt)
    except SettingsInvalid as error:
        yield _unusable(error, finding_factory)
        return
    finally:
        await models.aclose()
    for name in sorted(NOT_CHAT & settings.models.keys()):
        yield _looked_at(settings.models[name], finding_factory.of(name))


def _unusable(error: SettingsInvalid, finding_factory: FindingFactory) -> Finding:
    return finding_factory.failed(
        "model", "models_bad", "models_bad_fix", problems=finding_factory.joined(error.problems)
    )


async def _asked(
    models: ModelRegistry, name: str, catalogue: Catalogue, finding_factory: FindingFactory, seconds: float
) -> Finding:
    if models.display_name(name) == "demo":
        return finding_factory.ok("model", "model_demo")
    probe = await ModelProbe.of(models, name, catalogue)
    try:
        async with asyncio.timeout(seconds):
            generated = await probe.answer(_ASKED)
        failure = generated.failure
    except TimeoutError as error:
        failure = to_answer_failed(error, model=name)
    if failure is not None:
        return finding_factory.failed(
            "model", "model_bad", _fix(failure), model=models.display_name(name), error=failure_sentence(failure)
        )
    took = f"{generated.milliseconds / 1000:.1f}"
    return finding_factory.ok("model", "model_ok", model=generated.model, seconds=took)


def _looked_at(table: ModelTable, finding_factory: FindingFactory) -> Finding:
    if not (table.model and (table.base_url or table.api_key.get_secret_value())):
        return finding_factory.skipped("model", "model_unset")
    where = urlsplit(table.base_url).hostname or "api.openai.com"
    return finding_factory.ok("model", "model_set", model=f"{table.model} ({where})")


def _alone(table: ModelTable, seconds: float) -> ModelTable:
    return table.model_copy(update={"fallbacks": (), "max_retries": 0, "timeout": min(table.timeout, seconds)})


def _fix(failure: AnswerFailed) -> str:
    reason = failure.reason.removeprefix("model.")
    return f"model_{reason if reason in _FIXES else 'failed'}_fix"
