"""Shows in a terminal what a chain's model is sent while the chain is tried."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from chains.trying import Sent, Tooled

_TOLD = 500
"""How much of what a tool said is shown."""


def show_sent(title: str, sent: "Sent") -> None:
    """Print the messages, the options and the names of the tools that a model is sent."""
    click.secho(title, fg="cyan", err=True)
    for role, words in sent.told():
        click.secho(f"{role}:", fg="yellow", err=True)
        click.echo(words, err=True)
    if sent.options:
        click.secho(f"options: {sent.options}", fg="yellow", err=True)
    if sent.tools:
        click.secho(f"tools: {', '.join(sent.tools)}", fg="yellow", err=True)
    click.secho("answer:", fg="yellow", err=True)


def show_tooled(tooled: "Tooled") -> None:
    """Print how a tool was used and what the model was told of it."""
    from chains.trying import use_told  # noqa: PLC0415 (not for `webot --help`)

    click.secho(f"tool: {use_told(tooled.use)}", fg="yellow", err=True)
    told = tooled.told if len(tooled.told) <= _TOLD else f"{tooled.told[:_TOLD]}…"
    click.echo(told, err=True)
