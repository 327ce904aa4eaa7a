"""Check the settings and show what holds, and from where.

Secrets are masked. The exit code is 1 when the settings cannot be used.
"""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from web.operator.shell import Shell, pass_shell

if TYPE_CHECKING:
    from web.settings.loading import Loaded


@click.command(help=__doc__)
@pass_shell
def command(shell: Shell) -> None:
    """Print the effective settings, and what looks like a mistake."""
    from web.settings.effective import effective  # noqa: PLC0415 (pydantic is not for `webot --help`)

    loaded = shell.load()
    lines = effective(loaded)
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 (the same)
        from rich.text import Text  # noqa: PLC0415 (the same)

        console = Console(highlight=False)
        for line in lines:
            styled = Text(line.setting, style="bold" if line.is_table else "")
            console.print(styled.append(line.note, style="cyan"), soft_wrap=True)
    else:
        for line in lines:
            click.echo(f"{line.setting}{line.note}")
    from pipeline.text.i18n import Catalogue, in_language  # noqa: PLC0415 (the same)
    from web.settings.addresses import described  # noqa: PLC0415 (the same)

    words = Catalogue(shell.language)
    for where in described(loaded):
        click.echo(f"# {in_language(where, words)}")
    # After what holds: it shows where each came from.
    problems, hints = _examine(loaded)
    for hint in hints:
        click.echo(words.text("setting.a_mistake", hint=in_language(hint, words)), err=True)
    if problems:
        from pipeline.errors import SettingsInvalid  # noqa: PLC0415 (the same)

        raise SettingsInvalid(problems)


def _examine(loaded: "Loaded") -> tuple[list[str], list[str]]:
    """Return what a start or another verb would refuse, and what looks like a mistake."""
    from chains.models.tables import address_doubts  # noqa: PLC0415 (the same)
    from pipeline.errors import SettingsInvalid  # noqa: PLC0415 (the same)
    from pipeline.settings import Log  # noqa: PLC0415 (the same)
    from web.logs.setup import configure_logs  # noqa: PLC0415 (the same)
    from web.operator import menus  # noqa: PLC0415 (the same)
    from web.operator.dry_run import every_problem, located  # noqa: PLC0415 (the same)
    from web.settings.loading import secrets_of  # noqa: PLC0415 (the same)

    problems: list[str] = []
    hints = [*loaded.hints]
    hints += (located(doubt, loaded.layers) for doubt in address_doubts(loaded.settings.models))
    with configure_logs(Log(level="critical"), secrets_of(loaded)):
        problems += asyncio.run(every_problem(loaded))
    try:
        # No button is no menu, which only `webot menu push` minds.
        hints += menus.check(loaded) if loaded.settings.menu_buttons else []
    except SettingsInvalid as error:
        problems += (located(problem, loaded.layers) for problem in error.problems)
    return problems, hints
