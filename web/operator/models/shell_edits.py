"""Models added, changed and removed from the shell, beside a service or without one."""

import asyncio

import click

from chains.models.registry import ModelRegistry
from pipeline.settings import Log
from pipeline.text.i18n import Catalogue
from storage.conversations.audit import operator
from storage.database.engine import Database
from web.logs.setup import configure_logs
from web.operator.accounts import run_on_accounts
from web.operator.chains.deployment import deployment_of
from web.operator.chains.workspace import ChainWorkspace
from web.operator.models.model_changes import answering_chains, note_edit, note_removal
from web.operator.models.model_editing import ModelEdit, remove_model, write_model
from web.operator.shell import Shell
from web.settings.loading import Loaded, secrets_of


def write_model_here(shell: Shell, edit: ModelEdit) -> tuple[str, ...]:
    """Write a model into the settings files of a shell's folder and return the keys that are others now.

    Raises:
        SettingsInvalid: as `write_model`.
    """
    loaded, words, former = _opened(shell)

    async def work(database: Database) -> tuple[str, ...]:
        changed = await asyncio.to_thread(write_model, loaded, edit, seen=None, words=words, former=former)
        if changed:
            await note_edit(database, edit.name, changed, by=operator())
        return changed

    return run_on_accounts(loaded.settings, work)


def remove_model_here(shell: Shell, name: str) -> None:
    """Remove a model from the settings files of a shell's folder.

    Raises:
        SettingsInvalid: as `remove_model`.
    """
    loaded, words, former = _opened(shell)

    async def work(database: Database) -> None:
        deployment = await deployment_of(database)
        workspace = await asyncio.to_thread(ChainWorkspace, loaded.settings, deployment, database)
        chains = answering_chains(workspace)
        await asyncio.to_thread(remove_model, loaded, name, seen=None, words=words, former=former, chains=chains)
        await note_removal(database, name, by=operator())

    run_on_accounts(loaded.settings, work)


def _opened(shell: Shell) -> tuple[Loaded, Catalogue, ModelRegistry]:
    loaded = shell.load()
    click.get_current_context().with_resource(configure_logs(Log(level="critical"), secrets_of(loaded)))
    words = Catalogue(shell.language)
    return loaded, words, ModelRegistry(loaded.settings, words)
