"""What trying a chain shows in a terminal, and the report that comparing two versions writes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from chains.conversation.request import ModelRequest
    from chains.evaluation.tester import ToolTrace

_TOLD = 500
"""How much of what a tool said is shown."""


def show_request(title: str, sent: "ModelRequest") -> None:
    """Print the messages, the options and the names of the tools that a model is sent."""
    click.secho(title, fg="cyan", err=True)
    for role, words in sent.transcript():
        click.secho(f"{role}:", fg="yellow", err=True)
        click.echo(words, err=True)
    if sent.options:
        click.secho(f"options: {dict(sent.options)}", fg="yellow", err=True)
    if sent.tools:
        click.secho(f"tools: {', '.join(sent.tools)}", fg="yellow", err=True)
    click.secho("answer:", fg="yellow", err=True)


def show_tool_trace(tooled: "ToolTrace") -> None:
    """Print how a tool was used and what the model was told of it."""
    from chains.evaluation.tester import describe_use  # noqa: PLC0415 (not for `webot --help`)

    click.secho(f"tool: {describe_use(tooled.use)}", fg="yellow", err=True)
    told = tooled.output if len(tooled.output) <= _TOLD else f"{tooled.output[:_TOLD]}…"
    click.echo(told, err=True)


def check_report(file: Path) -> None:
    """Raise `click.ClickException` where a report cannot be written, before a model is paid for what is in it."""
    folder = file.parent
    if not folder.is_dir():
        raise click.ClickException(
            f"--report {str(file)!r}: there is no folder {str(folder)!r}; make it, or name another"
        )
    if file.is_dir():
        raise click.ClickException(f"--report {str(file)!r}: that is a folder; name a file in it")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise click.ClickException(f"--report {str(file)!r} cannot be written: permission denied; name another file")


def write_report(file: Path, page: str) -> None:
    """Write a report. Raises `click.ClickException` where that fails all the same."""
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"--report {str(file)!r} cannot be written: {error.strerror or error}") from error
