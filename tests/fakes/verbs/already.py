"""Fail as a second process does."""

import click

from pipeline.errors import AlreadyRunning


@click.command()
def command() -> None:
    raise AlreadyRunning("the database is another process's")
