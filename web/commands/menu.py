"""Set, show or delete the menu under a WeCom app.

The menu is [menu] of the settings. A click sends its key as if the person had written it, so a key is a command.
Without --channel it is done for every channel that has WeCom credentials.
"""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from web.operator.shell import Shell, pass_shell

if TYPE_CHECKING:
    from web.settings.loading import Loaded

Got = TypeVar("Got")

_channel = click.option("--channel", metavar="NAME", help="The channel of the app, such as wecom.")


@click.group(help=__doc__)
def command() -> None:
    """Show, set or delete the menu."""


@command.command()
@_channel
@pass_shell
def push(shell: Shell, channel: str | None) -> None:
    """Set the app's menu to that of the settings, in place of any it has."""
    from pipeline.text.i18n import Catalogue, in_language  # noqa: PLC0415 (the same)
    from web.operator import menus  # noqa: PLC0415 (not for `webot --help`)

    loaded = shell.load()
    words = Catalogue(shell.language)
    for hint in menus.check(loaded):
        click.echo(words.text("setting.a_mistake", hint=in_language(hint, words)), err=True)
    for name in menus.named(loaded, channel):
        _run(loaded, menus.push(loaded, name))
        menus.note_push(loaded, {"channel": name})
        click.echo(shell.say("menu_set", name=name))


@command.command()
@_channel
@pass_shell
def show(shell: Shell, channel: str | None) -> None:
    """Show the menu the app has."""
    from web.operator import menus  # noqa: PLC0415 (as above)

    loaded = shell.load()
    for name in menus.named(loaded, channel):
        buttons = _run(loaded, menus.read_menu(loaded, name))
        click.echo(shell.say("menu_of" if buttons else "menu_none", name=name))
        for line in menus.outline(buttons, "  "):
            click.echo(line)


@command.command()
@_channel
@pass_shell
def delete(shell: Shell, channel: str | None) -> None:
    """Take the app's menu away; with several apps, name one."""
    from web.operator import menus  # noqa: PLC0415 (as above)

    loaded = shell.load()
    names = menus.named(loaded, channel)
    if len(names) > 1:
        raise click.UsageError(shell.say("menu_which", names=", ".join(names)))
    _run(loaded, menus.delete(loaded, names[0]))
    menus.note_push(loaded, {"channel": names[0], "deleted": True})
    click.echo(shell.say("menu_gone", name=names[0]))


def _run(loaded: "Loaded", work: Coroutine[Any, Any, Got]) -> Got:
    """Run quietly: the error a verb ends with says what a log line would."""
    from pipeline.settings import Log  # noqa: PLC0415 (as above)
    from web.logs.setup import configure_logs  # noqa: PLC0415 (as above)
    from web.settings.loading import secrets_of  # noqa: PLC0415 (as above)

    with configure_logs(Log(level="critical"), secrets_of(loaded)):
        return asyncio.run(work)
