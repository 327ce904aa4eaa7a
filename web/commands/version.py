"""Show the version."""

import platform
from importlib.metadata import version

import click


@click.command(help=__doc__)
def command() -> None:
    """Print the versions of webot and of the Python it runs on."""
    click.echo(f"webot {version('webot')} (Python {platform.python_version()})")
