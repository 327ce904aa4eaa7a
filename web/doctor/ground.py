"""What the service stands on: the settings, the database, the disk and the port."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2

from pipeline.errors import SettingsInvalid, WebotError
from pipeline.settings import Storage
from storage.visits import DatabaseUnusable, examine, sqlite_file
from web.addresses import Addresses
from web.configuration import Loaded
from web.doctor.exposure import examine_rights
from web.doctor.findings import Finding, Teller
from web.layers import FILES
from web.listeners import bind
from web.neighbour import open_neighbour
from web.rehearsal import rehearse

_MEGA = 1024 * 1024
_TOO_LITTLE = 100 * _MEGA
_LITTLE = 1024 * _MEGA
_OK = 200


def examine_settings(loaded: Loaded, teller: Teller) -> list[Finding]:
    """Say where the settings come from, and what in them looks like a mistake."""
    origins = set(loaded.layers.origins.values())
    layers = [name for name in FILES if name in origins]
    variables = len({origin for origin in origins if origin and origin not in FILES})
    if variables:
        layers.append(teller.say("settings_variables", count=variables))
    told = ", ".join(layers) or teller.say("settings_defaults")
    hints = [teller.doubtful("settings", "settings_hint", hint=hint) for hint in loaded.hints]
    return [teller.well("settings", "settings_ok", layers=told), *hints]


async def examine_database(storage: Storage, teller: Teller) -> Finding:
    """Reach, read and write the database, leaving no trace."""
    url = storage.database_url.get_secret_value()
    try:
        found = await examine(url)
    except (DatabaseUnusable, SettingsInvalid) as error:
        file = sqlite_file(url)
        return teller.ill(
            "database",
            "database_bad",
            "database_server_fix" if file is None else "database_file_fix",
            place=file or "[storage] database_url",
            error=error,
        )
    if not found.exists:
        return teller.well("database", "database_none", place=found.place)
    facts = {"place": found.place, "version": found.version or "-", "expected": found.expected}
    if found.is_newer:
        return teller.ill("database", "database_new", "database_new_fix", **facts)
    if found.version != found.expected:
        return teller.doubtful("database", "database_old", "database_old_fix", **facts)
    return teller.well("database", "database_ok", place=found.place, version=found.version)


def examine_disk(storage: Storage, teller: Teller) -> list[Finding]:
    """See that there is room where media and a SQLite file go, and that it may be used; reads the disk."""
    file = sqlite_file(storage.database_url.get_secret_value())
    folders = dict.fromkeys([Path(storage.data_dir), *([file.parent] if file else [])])
    return [_room(folder, teller) for folder in folders]


async def examine_start(loaded: Loaded, teller: Teller) -> Finding:
    """Put everything together as a start would."""
    try:
        await rehearse(loaded)
    except SettingsInvalid as error:
        return teller.ill("start", "start_bad", "start_bad_fix", problems="; ".join(error.problems))
    except (WebotError, OSError) as error:
        return teller.ill("start", "start_bad", "start_bad_fix", problems=error)
    return teller.well("start", "start_ok")


async def examine_service(addresses: Addresses, teller: Teller, seconds: float) -> tuple[Finding, bool]:
    """See whether the service runs, else whether its ports are free; gives whether it runs."""
    url = addresses.server.url
    if not url:
        return teller.unchecked("service", "service_any"), False
    async with await open_neighbour(url, seconds=seconds) as client:
        try:
            pong = await client.get("/test")
            if pong.text == "pong":
                return await _readiness(client, url, teller), True
        except (httpx2.HTTPError, httpx2.InvalidURL):
            pass
    return await asyncio.to_thread(_free, addresses, teller), False


async def examine_ground(loaded: Loaded, teller: Teller) -> AsyncIterator[Finding]:
    """Look at everything but the service itself."""
    for finding in examine_settings(loaded, teller):
        yield finding
    if loaded.source is not None:
        for finding in await asyncio.to_thread(examine_rights, loaded.source.folder, teller):
            yield finding
    yield await examine_database(loaded.settings.storage, teller)
    for finding in await asyncio.to_thread(examine_disk, loaded.settings.storage, teller):
        yield finding


def _room(folder: Path, teller: Teller) -> Finding:
    here = folder.absolute()
    while not here.exists():
        here = here.parent
    if not (here.is_dir() and os.access(here, os.W_OK | os.X_OK)):
        return teller.ill("disk", "disk_bad", "disk_bad_fix", folder=folder)
    free = shutil.disk_usage(here).free
    told = f"{free / _LITTLE:.1f} GB" if free >= _LITTLE else f"{free // _MEGA} MB"
    if free < _TOO_LITTLE:
        return teller.ill("disk", "disk_low", "disk_low_fix", folder=folder, free=told)
    if free < _LITTLE:
        return teller.doubtful("disk", "disk_low", "disk_low_fix", folder=folder, free=told)
    return teller.well("disk", "disk_ok", folder=folder, free=told)


async def _readiness(client: httpx2.AsyncClient, url: str, teller: Teller) -> Finding:
    answer = await client.get("/readyz")
    try:
        told: dict[str, str] = dict(answer.json())
    except (ValueError, TypeError):
        told = {}
    if answer.status_code == _OK:
        edit = told.get("settings", "ok")
        if edit != "ok":
            return teller.doubtful("service", "service_edit", "service_edit_fix", url=url, parts=edit)
        if told.get("schema", "ok") != "ok":
            return teller.doubtful("service", "service_schema", "service_schema_fix", url=url)
        return teller.well("service", "service_runs", url=url)
    parts = ", ".join(f"{part}: {wrong}" for part, wrong in told.items() if wrong != "ok")
    parts = parts or f"HTTP {answer.status_code}"
    return teller.ill("service", "service_unready", "service_unready_fix", url=url, parts=parts)


def _free(addresses: Addresses, teller: Teller) -> Finding:
    for address in dict.fromkeys((addresses.server, addresses.console)):
        facts = {"host": address.host, "port": address.port, "table": address.table}
        try:
            bind(Addresses(address, address)).close()
        except SettingsInvalid as error:
            # The settings' own message names the address again; what follows its last colon is the reason.
            reason = str(error).partition(";")[0].rpartition(": ")[2]
            return teller.ill("service", "service_taken", "service_taken_fix", error=reason, **facts)
    return teller.well("service", "service_free", host=addresses.server.host, port=addresses.server.port)
