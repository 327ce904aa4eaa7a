"""What the service stands on: the settings, the database, the disk and the port."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
from pydantic import BaseModel, SecretStr

from pipeline.errors import SettingsInvalid, WebotError
from pipeline.findings import Finding, FindingFactory
from pipeline.settings import Storage
from pipeline.text.i18n import Sentence, listed_sentences
from pipeline.text.stored_sentences import stored_sentence
from storage.database.access import DatabaseUnusable, examine, sqlite_file
from web.doctor.exposure import examine_rights
from web.listeners import bind
from web.operator.dry_run import dry_run
from web.operator.service_client import open_service_client
from web.settings.addresses import Addresses
from web.settings.loading import Loaded
from web.settings.places import FILES

_MEGA = 1024 * 1024
_TOO_LITTLE = 100 * _MEGA
_LITTLE = 1024 * _MEGA
_OK = 200
_PLACEHOLDER = re.compile(r"(?:sk-|ww|wx)?(?:\.{2,}|…+|\*{3,}|x{3,})|<[^<>]+>|your[-_ ].*|(?:这里)?填.*", re.IGNORECASE)
_COPIED = frozenset(("api_key", "secret", "corp_id", "token", "bot_id", "model", "base_url"))


def examine_settings(loaded: Loaded, finding_factory: FindingFactory) -> list[Finding]:
    """Return where the settings come from, and what in them looks like a mistake."""
    origins = set(loaded.layers.origins.values())
    layers = [name for name in FILES if name in origins]
    variables = len({origin for origin in origins if origin and origin not in FILES})
    if variables:
        layers.append(finding_factory.text("settings_variables", count=variables))
    shown = finding_factory.text("comma").join(layers) or finding_factory.text("settings_defaults")
    hints = [finding_factory.warning("settings", "settings_hint", hint=hint) for hint in loaded.hints]
    examples = [
        finding_factory.failed("settings", "settings_placeholder", "settings_placeholder_fix", place=place)
        for place in _placeholders(loaded)
    ]
    if not layers and loaded.source is not None:
        folder = loaded.source.folder.resolve()
        none = finding_factory.warning("settings", "settings_none", "settings_none_fix", folder=folder)
        return [none, *examples, *hints]
    return [finding_factory.ok("settings", "settings_ok", layers=shown), *examples, *hints]


def _placeholders(loaded: Loaded) -> Iterator[str]:
    """Yield the places whose value was copied from an example: `secret = "..."`, `api_key = "sk-..."`."""
    tables: list[tuple[str, BaseModel]] = [
        *((f"[channels.{name}]", table) for name, table in loaded.channels.items()),
        *((f"[models.{name}]", table) for name, table in loaded.settings.models.items()),
    ]
    for place, table in tables:
        for key, value in table:
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            if key in _COPIED and isinstance(text, str) and _PLACEHOLDER.fullmatch(text.strip()):
                yield f"{place} {key}"


async def examine_database(storage: Storage, finding_factory: FindingFactory) -> Finding:
    """Connect to the database, read and write, and leave nothing behind."""
    url = storage.database_url.get_secret_value()
    try:
        found = await examine(url)
    except (DatabaseUnusable, SettingsInvalid) as error:
        file = sqlite_file(url)
        return finding_factory.failed(
            "database",
            "database_bad",
            "database_server_fix" if file is None else "database_file_fix",
            place=file or "[storage] database_url",
            error=error,
        )
    if not found.exists:
        return finding_factory.ok("database", "database_none", place=found.place)
    facts = {"place": found.place, "version": found.version or "-", "expected": found.expected}
    if found.is_newer:
        return finding_factory.failed("database", "database_new", "database_new_fix", **facts)
    if found.version != found.expected:
        return finding_factory.warning("database", "database_old", "database_old_fix", **facts)
    return finding_factory.ok("database", "database_ok", place=found.place, version=found.version)


def examine_disk(storage: Storage, finding_factory: FindingFactory) -> list[Finding]:
    """Check that there is room where media and a SQLite file go, and that it may be used; reads the disk."""
    file = sqlite_file(storage.database_url.get_secret_value())
    folders = dict.fromkeys([Path(storage.data_dir), *([file.parent] if file else [])])
    return [_disk_space(folder, finding_factory) for folder in folders]


async def examine_start(loaded: Loaded, finding_factory: FindingFactory) -> Finding:
    """Build everything that a start would build."""
    try:
        await dry_run(loaded)
    except SettingsInvalid as error:
        problems = finding_factory.joined(error.problems)
        return finding_factory.failed("start", "start_bad", "start_bad_fix", problems=problems)
    except (WebotError, OSError) as error:
        return finding_factory.failed("start", "start_bad", "start_bad_fix", problems=error)
    return finding_factory.ok("start", "start_ok")


async def examine_service(
    addresses: Addresses, finding_factory: FindingFactory, seconds: float
) -> tuple[Finding, bool]:
    """Check whether the service runs, else whether its ports are free; return whether it runs."""
    url = addresses.server.url
    if not url:
        return finding_factory.skipped("service", "service_any"), False
    async with await open_service_client(url, seconds=seconds) as client:
        try:
            pong = await client.get("/test")
            if pong.text == "pong":
                return await _readiness(client, url, finding_factory), True
        except (httpx2.HTTPError, httpx2.InvalidURL):
            pass
    return await asyncio.to_thread(_free, addresses, finding_factory), False


async def examine_ground(loaded: Loaded, finding_factory: FindingFactory) -> AsyncIterator[Finding]:
    """Check everything but the service itself."""
    for finding in examine_settings(loaded, finding_factory):
        yield finding
    if loaded.source is not None:
        for finding in await asyncio.to_thread(examine_rights, loaded.source.folder, finding_factory):
            yield finding
    yield await examine_database(loaded.settings.storage, finding_factory)
    for finding in await asyncio.to_thread(examine_disk, loaded.settings.storage, finding_factory):
        yield finding


def _disk_space(folder: Path, finding_factory: FindingFactory) -> Finding:
    here = folder.absolute()
    while not here.exists():
        here = here.parent
    if not (here.is_dir() and os.access(here, os.W_OK | os.X_OK)):
        return finding_factory.failed("disk", "disk_bad", "disk_bad_fix", folder=folder)
    free = shutil.disk_usage(here).free
    shown = f"{free / _LITTLE:.1f} GB" if free >= _LITTLE else f"{free // _MEGA} MB"
    if free < _TOO_LITTLE:
        return finding_factory.failed("disk", "disk_low", "disk_low_fix", folder=folder, free=shown)
    if free < _LITTLE:
        return finding_factory.warning("disk", "disk_low", "disk_low_fix", folder=folder, free=shown)
    return finding_factory.ok("disk", "disk_ok", folder=folder, free=shown)


async def _readiness(client: httpx2.AsyncClient, url: str, finding_factory: FindingFactory) -> Finding:
    answer = await client.get("/readyz")
    try:
        shown: dict[str, str] = dict(answer.json())
    except (ValueError, TypeError):
        shown = {}
    if answer.status_code == _OK:
        edit = shown.get("settings", "ok")
        if edit != "ok":
            return finding_factory.warning("service", "service_edit", "service_edit_fix", url=url, parts=edit)
        if shown.get("schema", "ok") != "ok":
            return finding_factory.warning("service", "service_schema", "service_schema_fix", url=url)
        return finding_factory.ok("service", "service_runs", url=url)
    parts = listed_sentences({part: stored_sentence(wrong) for part, wrong in shown.items() if wrong != "ok"})
    parts = parts or f"HTTP {answer.status_code}"
    return finding_factory.failed("service", "service_unready", "service_unready_fix", url=url, parts=parts)


def _reason_in(problem: str) -> str:
    values = problem.values if isinstance(problem, Sentence) else {}
    said = values.get("reason", values.get("said"))
    return problem if not isinstance(said, str) else said if "reason" in values else _reason_in(said)


def _free(addresses: Addresses, finding_factory: FindingFactory) -> Finding:
    for address in dict.fromkeys((addresses.server, addresses.console)):
        facts = {"host": address.host, "port": address.port, "table": address.table}
        try:
            bind(Addresses(address, address)).close()
        except SettingsInvalid as error:
            # The settings' own message names the address again, and what to change.
            reason = _reason_in(error.problems[0])
            return finding_factory.failed("service", "service_taken", "service_taken_fix", error=reason, **facts)
    return finding_factory.ok("service", "service_free", host=addresses.server.host, port=addresses.server.port)
