"""Models of the running service added, changed and removed, for the console and the API: written, noted, in use."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from chains.catalog.config import ChainConfig
from chains.models.tables import provider_of
from pipeline.settings import ModelTable
from pipeline.text.i18n import Catalogue
from storage.conversations.audit import record
from storage.database.engine import Database
from web.operator.chains.overview import open_workspace
from web.operator.chains.workspace import ChainWorkspace
from web.operator.models.model_editing import (
    ModelEdit,
    mark_of,
    overridden_keys,
    remove_model,
    write_model,
)
from web.operator.models.model_values import options_of, values_of
from web.settings.loading import Loaded
from web.settings.settings_edit import Value
from web.wiring import Service

_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A table of `[models]` as it is edited: everything but its key, of which is said whether there is one."""

    name: str
    values: Mapping[str, Value]
    options: Mapping[str, Value]
    has_key: bool
    overridden: Mapping[str, str]
    """The keys that the environment sets, each with its variable."""
    etag: str
    """What changes with every edit of the settings files."""
    is_demo: bool = False
    waiting: bool = False
    """Whether it is written, but not in use yet."""


async def model_settings(service: Service, name: str, *, waiting: bool = False) -> ModelSettings | None:
    """Return a model's table, None where there is none of the name. Looks at files."""
    loaded = service.loaded
    table = loaded.settings.models.get(name)
    if table is None:
        return None
    return ModelSettings(
        name,
        values_of(table),
        options_of(table),
        bool(table.key),
        overridden_keys(loaded, name),
        await asyncio.to_thread(mark_of, loaded.source),
        provider_of(loaded.settings.models, name) == "demo",
        waiting,
    )


def new_model(mark: str) -> ModelSettings:
    """Return the table that a new model begins as."""
    return ModelSettings("", values_of(ModelTable()), {}, has_key=False, overridden={}, etag=mark)


async def change_model(service: Service, edit: ModelEdit, *, seen: str, by: str, words: Catalogue) -> bool:
    """Write a model and wait until it is in use; return whether it is.

    Raises:
        ModelEditConflict, SettingsInvalid: as `write_model`.
    """
    before, former = service.loaded, service.chains.models
    changed = await asyncio.to_thread(write_model, before, edit, seen=seen, words=words, former=former)
    if not changed:
        return True
    await note_edit(service.database, edit.name, changed, by=by)
    return await _in_use(service, before)


async def drop_model(service: Service, name: str, *, seen: str, by: str, words: Catalogue) -> bool:
    """Remove a model that nothing uses and wait until it is gone; return whether it is.

    Raises:
        ModelEditConflict, SettingsInvalid: as `remove_model`.
    """
    before, former = service.loaded, service.chains.models
    chains = answering_chains(await open_workspace(service))
    await asyncio.to_thread(remove_model, before, name, seen=seen, words=words, former=former, chains=chains)
    await note_removal(service.database, name, by=by)
    return await _in_use(service, before)


def answering_chains(workspace: ChainWorkspace) -> list[ChainConfig]:
    """Return the chains that answer, for everybody or for some."""
    tried = (workspace.on_trial(name) for name in workspace.deployment.trials)
    return [*workspace.chain_files.catalog.chains.values(), *(each.chain for each in tried if each is not None)]


async def note_edit(database: Database, name: str, keys: tuple[str, ...], *, by: str) -> None:
    """Record which keys of a model were changed, never to what."""
    await record(database, "model_edit", by, {"model": name, "keys": sorted(keys)}, conversations=0, messages=0)


async def note_removal(database: Database, name: str, *, by: str) -> None:
    """Record that a model was removed."""
    await record(database, "model_remove", by, {"model": name}, conversations=0, messages=0)


async def _in_use(service: Service, before: Loaded) -> bool:
    """Wait until the edit holds, which takes two looks at the files, or for some seconds."""
    try:
        # The watcher tells nobody.
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while service.loaded is before and not service.edit.refused:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        pass
    return service.loaded is not before
