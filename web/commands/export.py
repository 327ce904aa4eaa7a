"""Export transcripts: into a folder, a zip or a stream, as pages for people or as records for programs.

Stopped half-way, the same command goes on where it stopped. The manifest beside the files has their counts and
checksums. Each export leaves a line in the audit.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import click

from exports.workers.process import ForkServer, open_fork_server
from pipeline.exports import FORMATS, Format
from web.operator.shell import Shell, pass_shell, spoken

_NICENESS = 19


def _span(text: str) -> tuple[datetime, datetime]:
    """Return the moments in which a month, a day or a moment begins and ends."""
    for written, ends in _WRITTEN.items():
        with suppress(ValueError, OverflowError):
            begin = datetime.strptime(text, written)  # noqa: DTZ007 (this machine's, as people mean it)
            return begin.astimezone(), ends(begin).astimezone()
    raise click.BadParameter(spoken().text("shell.export_no_span", found=text))


_WRITTEN: Mapping[str, Callable[[datetime], datetime]] = {
    "%Y-%m": lambda month: (month + timedelta(days=31)).replace(day=1),
    "%Y-%m-%d": lambda day: day + timedelta(days=1),
    "%Y-%m-%dT%H:%M:%S": lambda moment: moment,
}


@click.command(help=__doc__)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="jsonl", show_default=True)
@click.option("--out", required=True, metavar="DIR|FILE.zip|-", help="A new folder, a zip, or - for standard output.")
@click.option("--since", type=_span, metavar="YYYY-MM[-DD]", help="Questions from this day or month on.")
@click.option("--until", type=_span, metavar="YYYY-MM[-DD]", help="Questions to the end of this day or month.")
@click.option("--user", "users", multiple=True, help="Of this person; may be repeated.")
@click.option("--channel", "channels", multiple=True, help="On this channel; may be repeated.")
@click.option("--chain", default="", help="Answered by this chain.")
@click.option("--revision", default="", help="Answered by this revision of it.")
@click.option("--model", default="", help="Answered by this model.")
@click.option("--rated", type=click.Choice(("good", "bad")), default=None, help="Judged so by the person.")
@click.option("--search", default="", metavar="TEXT", help="Conversations in which this occurs.")
@click.option(
    "--mask",
    is_flag=True,
    help="Mask phone numbers, identity and bank cards, mail addresses, passwords, keys and more.",
)
@click.option(
    "--mask-names",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Mask the names in this file, too, one a line.",
)
@click.option("--dry-run", is_flag=True, help="Say how much it would be, and write nothing.")
@pass_shell
def command(  # noqa: PLR0913 (an option each)
    shell: Shell,
    *,
    format_: Format,
    out: str,
    since: tuple[datetime, datetime] | None,
    until: tuple[datetime, datetime] | None,
    users: tuple[str, ...],
    channels: tuple[str, ...],
    chain: str,
    revision: str,
    model: str,
    rated: Literal["good", "bad"] | None,
    search: str,
    mask: bool,
    mask_names: Path | None,
    dry_run: bool,
) -> int:
    """Export what was chosen; the exit code is 1 when a conversation could not be written."""
    if out == "-" and format_ in {"pdf", "html"}:
        raise click.UsageError(shell.say("export_one_file", format=format_))
    if since and until and since[0] > until[1]:
        raise click.BadParameter(shell.say("days_backwards"), param_hint="--until")
    context = click.get_current_context()
    runner = context.with_resource(asyncio.Runner())
    # The service beside it comes first; the processes that make pages inherit it.
    os.nice(_NICENESS)
    # Before anything else is imported: what makes pages gets ready while this process does, too.
    fork_server = runner.run(open_fork_server(pages=True)) if format_ == "pdf" and not dry_run else None

    from exports.job import ExportJob  # noqa: PLC0415 (slow, and not for `webot --help`)
    from exports.select import Selection  # noqa: PLC0415 (the same)
    from pipeline.text.i18n import Catalogue  # noqa: PLC0415 (the same)
    from pipeline.text.privacy import Masker  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.exports import export_records, export_to, measure  # noqa: PLC0415 (the same)

    if fork_server is not None:
        context.call_on_close(partial(_close, runner, fork_server))
    settings = shell.settings()
    names = _names(mask_names) if mask_names else ()
    job = ExportJob(
        Selection(
            since=since[0].timestamp() if since else None,
            until=until[1].timestamp() if until else None,
            users=users,
            channels=channels,
            chain=chain,
            revision=revision,
            model=model,
            rated=rated or "",
            search=search,
        ),
        format_,
        language=settings.chat.language,
        engine=settings.export.pdf_engine,
        masker=Masker(names) if mask or names else None,
    )
    if dry_run:
        conversations, messages = measure(settings, job)
        click.echo(shell.say("export_dry", conversations=conversations, messages=messages), err=True)
        return 0
    catalogue = Catalogue(shell.language)
    if out == "-":
        # What is printed by anybody goes elsewhere: the stream has records and nothing else.
        with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stream:
            return runner.run(export_records(settings, job, stream, catalogue))
    return runner.run(export_to(settings, job, Path(out), fork_server, catalogue))


def _names(file: Path) -> tuple[str, ...]:
    try:
        # Spreadsheets begin the file with a mark.
        return tuple(file.read_text(encoding="utf-8-sig").splitlines())
    except UnicodeDecodeError:
        message = spoken().text("shell.export_names", file=str(file))
        raise click.BadParameter(message, param_hint="--mask-names") from None


def _close(runner: asyncio.Runner, fork_server: ForkServer) -> None:
    runner.run(fork_server.close())
