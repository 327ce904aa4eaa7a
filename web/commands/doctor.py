"""Check the whole set-up, and say how to put right what is wrong.

Settings, database, disk, port; for each WeCom app its keys, token, agent, trusted address, menu and callback URL; for
each model one tiny question. The exit code is 1 when anything fails. Nothing is changed, no secret is printed.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from web.operator.shell import Shell, pass_shell

if TYPE_CHECKING:
    from pipeline.findings import Finding
    from pipeline.text.i18n import Catalogue
    from web.settings.loading import Loaded

_MARKS = {"well": ("✓", "green"), "ill": ("✗", "red"), "doubtful": ("!", "yellow"), "unchecked": ("–", "bright_black")}


@click.command(help=__doc__)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    help="Seconds to wait for any one answer.",
)
@pass_shell
def command(shell: Shell, *, as_json: bool, seconds: float) -> None:
    """Print one line a check, and the way out under each that fails."""
    # Not for `webot --help`.
    from pipeline.errors import SettingsInvalid  # noqa: PLC0415
    from pipeline.settings import Log  # noqa: PLC0415
    from pipeline.text.i18n import Catalogue  # noqa: PLC0415
    from web.doctor.examination import findings_for, refused  # noqa: PLC0415
    from web.logs.setup import configure_logs  # noqa: PLC0415
    from web.settings.loading import secrets_of  # noqa: PLC0415

    try:
        loaded = shell.load()
    except SettingsInvalid as error:
        _finish([refused(error, shell.language)], Catalogue(shell.language), as_json=as_json, live=False)
        return
    with configure_logs(Log(level="critical"), secrets_of(loaded)):
        findings = asyncio.run(_examined(loaded, seconds, live=not as_json))
    ill = sum(finding.state == "ill" for finding in findings)
    doubtful = sum(finding.state == "doubtful" for finding in findings)
    said = "some_ill" if ill else "some_doubtful" if doubtful else "all_well"
    words = Catalogue(loaded.settings.chat.language)
    closing = findings_for(loaded).text(said, count=ill or doubtful)
    _finish(findings, words, as_json=as_json, live=True, closing=closing)


async def _examined(loaded: "Loaded", seconds: float, *, live: bool) -> "list[Finding]":
    from pipeline.text.i18n import Catalogue  # noqa: PLC0415 (as above)
    from web.doctor.examination import examine  # noqa: PLC0415 (as above)

    findings, words = [], Catalogue(loaded.settings.chat.language)
    async for finding in examine(loaded, seconds=seconds):
        findings.append(finding)
        if live:
            _print(finding, words)
    return findings


def _finish(findings: "list[Finding]", words: "Catalogue", *, as_json: bool, live: bool, closing: str = "") -> None:
    ill = any(finding.state == "ill" for finding in findings)
    if as_json:
        report = {"ok": not ill, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for finding in [] if live else findings:
            _print(finding, words)
        if closing:
            click.echo(closing)
    if ill:
        click.get_current_context().exit(1)


def _print(finding: "Finding", words: "Catalogue") -> None:
    from pipeline.findings import finding_line  # noqa: PLC0415 (not for `webot --help`)

    mark, colour = _MARKS[finding.state]
    click.echo(f"{click.style(mark, fg=colour)} {finding_line(finding, words)}")
    if finding.fix:
        click.echo(f"    → {finding.fix}")
    sys.stdout.flush()
