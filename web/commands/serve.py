"""Run the service: callbacks, console and simulator."""

import sys
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
            run(serve(loaded, logs, announce=_announce, tell_password=_tell_password, waits=_wait))
        except SettingsInvalid as error:
            raise SettingsInvalid(merged_problems(error.problems, loaded)) from None


def _wait(line: str) -> None:
    click.echo(line, err=True)


def _tell_password(password: str) -> None:
    click.echo(f"The console's password, shown this once (any user name works): {password}")
    sys.stdout.flush()


def _announce(listeners: "Listeners", service: "Service", one_time_address: str) -> None:
    click.echo(f"webot is ready: {listeners.console_url}/console")
    if one_time_address:
        click.echo(
            f"Nobody can sign in to the console yet. This address signs an operator in, once: {one_time_address}"
        )
        click.echo("Add users with `webot console user add NAME`; then no such address is printed any more.")
    if listeners.own is not None:
        paths = ", ".join(opened.path for opened in service.channels.values())
        click.echo(f"Callbacks and health are answered at {listeners.url}: {paths}, /test, /healthz, /readyz")
    if service.simulator is not None:
        click.echo("No WeCom credentials are set: the built-in simulator plays WeCom.")
