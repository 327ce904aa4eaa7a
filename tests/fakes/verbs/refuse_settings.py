"""Refuse the settings."""

import click

from pipeline.errors import SettingsInvalid


@click.command()
def command() -> None:
    raise SettingsInvalid(["one thing", "another"])
