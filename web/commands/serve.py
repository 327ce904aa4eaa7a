"""Run the service: callbacks, console and simulator."""

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from web.operator.shell import Shell, merged_problems, pass_shell

if TYPE_CHECKING:
    from web.listeners import Listeners
    from web.wiring import Service


@click.command()
@pass_shell
def command(shell: Shell) -> None:
    """Run the service until it is stopped with Ctrl-C or SIGTERM."""
    # `webot --help` must not wait for them.
    from pipeline.errors import SettingsInvalid  # noqa: PLC0415
    from web.http.server import serve  # noqa: PLC0415
    from web.logs.setup import configure_logs  # noqa: PLC0415
    from web.loop import run  # noqa: PLC0415
    from web.settings.loading import secrets_of  # noqa: PLC0415

    loaded = shell.load()
    with configure_logs(loaded.settings.log, secrets_of(loaded)) as logs:
        try:
            run(
                serve(
                    loaded,
                    logs,
                    announce=partial(_announce, shell),
                    tell_password=partial(_tell_password, shell),
                    waits=partial(_wait, shell),
                )
            )
        except SettingsInvalid as error:
            raise SettingsInvalid(merged_problems(error.problems, loaded)) from None


def _wait(shell: Shell, line: str) -> None:
    from pipeline.text.i18n import Catalogue, in_language  # noqa: PLC0415 (not for `webot --help`)

    click.echo(in_language(line, Catalogue(shell.language)), err=True)


def _tell_password(shell: Shell, password: str) -> None:
    click.echo(shell.say("password", password=password))
    sys.stdout.flush()


def _announce(shell: Shell, listeners: "Listeners", service: "Service", one_time_address: str) -> None:
    click.echo(shell.say("ready", url=f"{listeners.console_url}/console"))
    if one_time_address:
        click.echo(shell.say("one_time", url=one_time_address))
        click.echo(shell.say("add_users"))
    if listeners.own is not None:
        paths = ", ".join(opened.path for opened in service.channels.values() if opened.path)
        click.echo(shell.say("callbacks", url=listeners.url, paths=paths))
    if service.simulator is not None:
        click.echo(shell.say("simulated"))
