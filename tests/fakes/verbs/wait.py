"""Say when it is ready, then wait for ever."""

import threading

import click


@click.command()
def command() -> None:
    click.echo("ready")
    threading.Event().wait()
