"""What people think of a chain's answers, as the shell shows it."""

import asyncio
from collections.abc import Mapping
from textwrap import indent
from typing import TYPE_CHECKING

import click

from pipeline.text.i18n import error_text
from web.operator.shell import spoken

if TYPE_CHECKING:
    from storage.conversations.ratings import RatedAnswer, RatingCount
    from web.operator.chains.workspace import ChainWorkspace

THUMBS = ("👍", "👎")


def count_by_revision(workspace: "ChainWorkspace") -> "Mapping[tuple[str, str], RatingCount]":
    """Count the judgements by chain and revision; without a database to read, chains are looked at all the same."""
    from storage.database.access import DatabaseUnusable, SchemaOutdated  # noqa: PLC0415 (not for `webot --help`)
    from storage.database.migrate import SchemaTooNew  # noqa: PLC0415 (the same)

    try:
        return asyncio.run(workspace.ratings())
    except (DatabaseUnusable, SchemaOutdated, SchemaTooNew) as error:
        words = spoken()
        click.secho(words.text("chains.no_ratings", why=error_text(error, words)), fg="yellow", err=True)
        return {}


def rating_cells(counts: "Mapping[tuple[str, str], RatingCount]", name: str, revision: str) -> tuple[str, str]:
    """Return what is written under the thumbs for one revision."""
    count = counts.get((name, revision))
    return (str(count.good), str(count.bad)) if count else ("-", "-")


def show_rated(judged: "RatedAnswer") -> None:
    """Print one answer with what the person thought of it."""
    when = judged.at.astimezone().strftime("%Y-%m-%d %H:%M")
    thumb = THUMBS[0] if judged.good else THUMBS[1]
    click.secho(f"{thumb} {when}  {judged.revision}  {judged.model}", fg="green" if judged.good else "red")
    for label, words in (("why", judged.why), ("question", judged.question), ("answer", judged.answer)):
        if words:
            click.echo(indent(spoken().text(f"chains.rated_{label}", text=words), " " * 3))
