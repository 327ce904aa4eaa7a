"""Settings for a verb that answers on the terminal: its log lines would stand among what it prints."""

import click

from pipeline.settings import Log, Settings
from web.logs.setup import configure_logs
from web.operator.shell import Shell
from web.settings.loading import secrets_of


def load_settings_quietly(shell: Shell) -> Settings:
    """Read the settings, and log only what is the end of everything until the verb is done."""
    loaded = shell.load()
    click.get_current_context().with_resource(configure_logs(Log(level="critical"), secrets_of(loaded)))
    return loaded.settings
