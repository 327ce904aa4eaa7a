"""List the models of the settings, and find out what one can do and how fast."""

import asyncio
from typing import TYPE_CHECKING

import click

from web.operator.shell import Shell, pass_shell

if TYPE_CHECKING:
    from chains.models.registry import ModelRegistry
    from pipeline.settings import Settings


@click.group(help=__doc__)
def command() -> None:
    """Work on models."""


@command.command("list")
@pass_shell
def list_models(shell: Shell) -> None:
    """List the models that answer, with what stands in for each."""
    from web.operator.quiet_settings import load_settings_quietly  # noqa: PLC0415 (not for `webot --help`)

    settings = load_settings_quietly(shell)
    models = _models(settings)
    for name in models.names:
        table = settings.models.get(name)
        where = (table.base_url or shell.say("models_own")) if table is not None else ""
        known = models.display_name(name)
        fallbacks = (
            shell.say("models_then", names=", ".join(table.fallbacks)) if table is not None and table.fallbacks else ""
        )
        kind = "models_demo" if known == "demo" else "models_at"
        click.echo(shell.say(kind, name=name, model=known, where=where, fallbacks=fallbacks))


@command.command()
@click.argument("name", default="default")
@pass_shell
def test(shell: Shell, name: str) -> None:
    """Ask a model: time to the first word, tokens a second, streaming, tools, pictures. Costs a few tokens."""
    from web.operator.quiet_settings import load_settings_quietly  # noqa: PLC0415 (not for `webot --help`)

    settings = load_settings_quietly(shell)

    from web.operator.reports.models import examine_model_of  # noqa: PLC0415 (not for `webot --help`)

    examined = asyncio.run(examine_model_of(settings, name))
    pace = examined.pace
    if pace.error:
        raise click.ClickException(pace.error)
    click.echo(shell.say("model_is", name=name, model=pace.model))
    click.echo(shell.say("model_pace", first=pace.first_milliseconds, all=pace.milliseconds))
    click.echo(shell.say("model_speed", speed=f"{pace.tokens_a_second:.0f}"))
    click.echo(shell.say("model_streaming", found=shell.say("found_yes" if pace.pieces > 1 else "found_no")))
    click.echo(shell.say("model_tools", found=shell.say(f"found_{examined.tools}")))
    click.echo(shell.say("model_pictures", found=shell.say(f"found_{examined.vision}")))


def _models(settings: "Settings") -> "ModelRegistry":
    from chains.models.registry import ModelRegistry  # noqa: PLC0415 (not for `webot --help`)
    from pipeline.text.i18n import Catalogue  # noqa: PLC0415 (the same)

    return ModelRegistry(settings, Catalogue(settings.chat.language))
