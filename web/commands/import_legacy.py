"""Bring corp-webot's settings, personas and conversations over.

Its config.yaml becomes settings.local.toml and .secrets.toml, unless they are there. Twice is once; what cannot be
read is told and left. The old files are not changed.
"""

from dataclasses import asdict
from pathlib import Path

import click

from web.operator.shell import Shell, pass_shell, spoken

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(help=__doc__)
@click.option("--config", type=_FILE, metavar="FILE", help="corp-webot's config.yaml.")
@click.option("--database", type=_FILE, metavar="FILE", help="corp-webot's SQLite file, data.db.")
@click.option("--channel", default="wecom", show_default=True, help="The channel its people write on from now on.")
@pass_shell
def command(shell: Shell, *, config: Path | None, database: Path | None, channel: str) -> int:
    """Import what was named; the exit code is 1 when a row could not be read."""
    from pipeline.text.i18n import in_language  # noqa: PLC0415 (not for help)
    from web.operator.legacy import import_database, prepare_database, read_config, write_config  # noqa: PLC0415 (not for help)

    if config is None and database is None:
        raise click.UsageError(shell.say("legacy_nothing"))
    if config is not None:
        for line in write_config(read_config(config), shell.folder):
            click.echo(in_language(line, spoken()))
    if database is None:
        return 0
    settings = shell.settings()
    if channel not in settings.channels:
        raise click.UsageError(shell.say("menu_no_channel", channel=channel, known=", ".join(settings.channels)))
    from storage.database.access import NoDatabase, SchemaOutdated  # noqa: PLC0415 (as above)

    try:
        brought, unread = import_database(settings, database, channel)
    except (NoDatabase, SchemaOutdated):
        prepare_database(settings)
        brought, unread = import_database(settings, database, channel)
    click.echo(shell.say("legacy_done", **asdict(brought)))
    for each in unread:
        click.echo(shell.say("legacy_left", row=each.row, reason=in_language(each.reason, spoken())), err=True)
    return 1 if unread else 0
