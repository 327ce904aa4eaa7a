"""List the models of the settings, add, change and remove them, and find out what one can do and how fast."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from web.operator.shell import Shell, pass_shell

if TYPE_CHECKING:
    from chains.models.registry import ModelRegistry
    from pipeline.settings import Settings
    from web.settings.settings_edit import Value


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
    """Ask a model: time to the first word, tokens a second, streaming, tools, pictures. Costs a few tokens.

    Of image it draws a picture, of speech it writes down a sentence that it reads aloud first where it can.
    """
    from web.operator.quiet_settings import load_settings_quietly  # noqa: PLC0415 (not for `webot --help`)

    settings = load_settings_quietly(shell)

    from chains.evaluation.media_probe import MediaExamination  # noqa: PLC0415 (not for `webot --help`)
    from pipeline.text.i18n import Catalogue, in_language  # noqa: PLC0415 (the same)
    from web.operator.reports.models import examine_model_of, media_findings  # noqa: PLC0415 (the same)

    examined = asyncio.run(examine_model_of(settings, name))
    if isinstance(examined, MediaExamination):
        if examined.error:
            raise click.ClickException(examined.error)
        click.echo(shell.say("model_is", name=name, model=examined.model))
        for sentence in media_findings(examined):
            click.echo(in_language(sentence, Catalogue(shell.language)))
        return
    pace = examined.pace
    if pace.error:
        raise click.ClickException(pace.error)
    click.echo(shell.say("model_is", name=name, model=pace.model))
    click.echo(shell.say("model_pace", first=pace.first_milliseconds, all=pace.milliseconds))
    click.echo(shell.say("model_speed", speed=f"{pace.tokens_a_second:.0f}"))
    click.echo(shell.say("model_streaming", found=shell.say("found_yes" if pace.pieces > 1 else "found_no")))
    click.echo(shell.say("model_tools", found=shell.say(f"found_{examined.tools}")))
    click.echo(shell.say("model_pictures", found=shell.say(f"found_{examined.vision}")))


@command.command("set")
@click.argument("name")
@click.option("--provider", help="openai for everything that speaks its protocol; others in docs/models.md.")
@click.option("--model", help="The provider's name for the model.")
@click.option("--base-url", help="The API's address; empty for the provider's own.")
@click.option("--key-from-stdin", is_flag=True, help="Read the key from standard input, which no history keeps.")
@click.option("--title", help="What people read for it in @model.")
@click.option("--about", help="What it is good at, in a few words.")
@click.option("--users", help="Who may choose it by @model: user ids with commas between, * for everybody.")
@click.option("--fallbacks", help="Other models to try when it fails, in order, with commas between.")
@click.option("--timeout", help="Seconds one call may take.")
@click.option("--max-retries", help="How often a failed call is repeated.")
@click.option("--requests-per-minute", help="The most calls a minute of each process; 0 for any number.")
@click.option("--tokens-per-minute", help="The most tokens a minute of each process; 0 for any number.")
@click.option("--input-price", help="What a million tokens it is given cost.")
@click.option("--cached-input-price", help="What a million tokens cost that the provider has cached.")
@click.option("--output-price", help="What a million tokens it answers with cost.")
@click.option("--call-price", help="What a call costs beside its tokens.")
@click.option("--vision/--no-vision", default=None, help="Whether it sees pictures.")
@click.option(
    "--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the model; may be repeated."
)
@click.option("--unset", multiple=True, metavar="KEY", help="Take an option away; may be repeated.")
@pass_shell
def set_model(
    shell: Shell,
    /,
    *,
    name: str,
    key_from_stdin: bool,
    vision: bool | None,
    options: tuple[str, ...],
    unset: tuple[str, ...],
    **typed: str | None,
) -> None:
    """Add a model, or change what is given of one; the service takes it over within a second.

    Written to settings.local.toml, the key to .secrets.toml, with what else stands in them left as it is.
    """
    from pydantic import SecretStr  # noqa: PLC0415 (not for `webot --help`)

    from web.operator.models.model_editing import ModelEdit  # noqa: PLC0415 (the same)
    from web.operator.models.model_values import read_option, read_value  # noqa: PLC0415 (the same)
    from web.operator.models.shell_edits import write_model_here  # noqa: PLC0415 (the same)

    key = SecretStr(sys.stdin.readline().strip() if key_from_stdin else "")
    values = {each: read_value(each, text) for each, text in typed.items() if text is not None}
    values |= {} if vision is None else {"vision": vision}
    wanted: dict[str, Value | None] = dict(map(read_option, options))
    edit = ModelEdit(name, values, key, wanted | dict.fromkeys(unset))
    if not (edit.values or edit.options or key_from_stdin):
        raise click.UsageError(shell.say("model_nothing_given"))
    changed = write_model_here(shell, edit)
    said = "model_written" if changed else "model_unchanged"
    click.echo(shell.say(said, name=name, keys=", ".join(changed)))


@command.command()
@click.argument("name")
@pass_shell
def remove(shell: Shell, name: str) -> None:
    """Remove a model that no chain, model or budget uses, with its key."""
    from web.operator.models.shell_edits import remove_model_here  # noqa: PLC0415 (not for `webot --help`)

    remove_model_here(shell, name)
    click.echo(shell.say("model_removed", name=name))


def _models(settings: "Settings") -> "ModelRegistry":
    from chains.models.registry import ModelRegistry  # noqa: PLC0415 (not for `webot --help`)
    from pipeline.text.i18n import Catalogue  # noqa: PLC0415 (the same)

    return ModelRegistry(settings, Catalogue(settings.chat.language))
