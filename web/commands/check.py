"""Check the settings and show what holds, and from where.

Secrets are masked. The exit code is 1 when the settings cannot be used.
"""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from web.commands import Shell, pass_shell

if TYPE_CHECKING:
    from pipeline.settings import Settings


@click.command(help=__doc__)
@pass_shell
def command(shell: Shell) -> None:
    """Print the effective settings, and what looks like a mistake."""
    from web.effective import effective  # noqa: PLC0415 (pydantic is not for `webot --help`)

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
    for hint in loaded.hints:
        click.echo(f"A mistake? {hint}", err=True)
    # After what holds: it shows where each came from.
    asyncio.run(_check_models(loaded.settings))


async def _check_models(settings: "Settings") -> None:
    from chains.models import Models  # noqa: PLC0415 (the same)
    from pipeline.words import Words  # noqa: PLC0415 (the same)

    models = Models(settings, Words(settings.chat.language))
    try:
        models.examine()
    finally:
        await models.aclose()
