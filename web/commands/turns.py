"""List waiting and failed turns, look at one, and run failed ones again.

A turn's number is what people are told when their message could not be handled. Their words are shown only by
`webot turns show --words`.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from web.operator.shell import Shell, pass_shell, spoken

if TYPE_CHECKING:
    from pipeline.text.i18n import Catalogue
    from storage.monitoring.views import PartView, TurnDetail, TurnView, Which
    from storage.turns.retries import Retried

_UNREADABLE = "unreadable"
_SAID_BY = {"state": ("state", "part"), "kind": ("kind",)}
"""By which sentences of the console values are said."""
_STATES = ("waiting", "running", "failed", "undelivered", "done")


@click.group(help=__doc__, invoke_without_command=True)
@click.option("--failed", is_flag=True, help="Only those that failed or could not be delivered.")
@click.option("--waiting", is_flag=True, help="Only those that wait or run.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="List so many of each.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, *, failed: bool, waiting: bool, limit: int, as_json: bool) -> None:
    """List turns, oldest first."""
    if ctx.invoked_subcommand is not None:
        return
    from web.operator.turns import list_turns_of  # noqa: PLC0415 (not for `webot --help`)

    shell = ctx.find_object(Shell)
    assert shell is not None  # noqa: S101 (the group above made it)
    settings = shell.settings()
    wanted: tuple[Which, ...] = ("failed", "waiting")
    if failed != waiting:
        wanted = ("failed",) if failed else ("waiting",)
    found = {which: asyncio.run(list_turns_of(settings, which, limit=limit)) for which in wanted}
    if as_json:
        click.echo(_json({which: [_row(turn) for turn in turns] for which, (turns, _) in found.items()}))
        return
    for which, (turns, count) in found.items():
        _print_list(shell, which, turns, count)


@command.command()
@click.argument("turn_id", metavar="ID", type=click.IntRange(min=1))
@click.option("--words", is_flag=True, help="Show what the person said and what was answered, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_shell
def show(shell: Shell, turn_id: int, *, words: bool, as_json: bool) -> None:
    """Show everything that is kept of one turn."""
    from web.operator.turns import find_turn_of  # noqa: PLC0415 (as above)

    detail = asyncio.run(find_turn_of(shell.settings(), turn_id, words=words))
    if detail is None:
        raise click.ClickException(shell.say("turns_missing", id=turn_id))
    facts = _facts(detail, words=words)
    if as_json:
        click.echo(_json(facts))
        return
    parts: Sequence[dict[str, Any]] = facts.pop("parts")
    for line in _lines(facts, ""):
        click.echo(line)
    for part in parts:
        click.echo(shell.say("turns_part", number=part.pop("place") + 1))
        for line in _lines(part, "  "):
            click.echo(line)


@command.command(name="retry")
@click.argument("turn_ids", metavar="[ID]...", nargs=-1, type=click.IntRange(min=1))
@click.option("--all-failed", is_flag=True, help="Every turn that has failed up to now.")
@pass_shell
def retry_turns(shell: Shell, turn_ids: tuple[int, ...], *, all_failed: bool) -> None:
    """Run failed turns again: failed ones are answered afresh, of undelivered ones what was not sent goes out.

    With a service running on SQLite it is asked to; with none, they run when it starts.
    """
    from web.operator.turns import retry_turns  # noqa: PLC0415 (as above)

    if bool(turn_ids) == all_failed:
        raise click.UsageError(shell.say("turns_which"))
    outcomes: Sequence[Retried] = asyncio.run(retry_turns(shell.load(), None if all_failed else turn_ids))
    for one in outcomes:
        click.echo(shell.say("turns_outcome", id=one.id, said=shell.say(f"turns_{one.outcome}")))
    if not outcomes:
        click.echo(shell.say("turns_none_failed"))
    if any(one.outcome in {"unknown", "not_failed"} for one in outcomes):
        click.get_current_context().exit(1)


def _print_list(shell: Shell, which: "Which", turns: "Sequence[TurnView]", count: int) -> None:
    if not turns:
        click.echo(shell.say(f"turns_none_{which}"))
        return
    # Not for `webot --help`.
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from pipeline.text.stored_sentences import stored_in_language  # noqa: PLC0415

    table = Table(
        box=box.SIMPLE_HEAD, title=shell.say(f"turns_{which}", count=count), title_justify="left", pad_edge=False
    )
    for head in ("id", "state", "who", "accepted", "tries", "sent"):
        table.add_column(shell.say(f"head_{head}"), no_wrap=True)
    table.add_column(shell.say("head_why"), overflow="fold")
    for turn in turns:
        sent = f"{turn.sent}/{turn.parts}" if turn.parts else ""
        who = f"{turn.channel}/{turn.user}"
        state = shell.say(f"state_{turn.state}") if turn.state in _STATES else turn.state
        accepted = _age(shell, turn.accepted_at)
        table.add_row(
            str(turn.id), state, who, accepted, str(turn.attempts), sent, stored_in_language(turn.reason, spoken())
        )
    console = Console(highlight=False, markup=False)
    if console.is_terminal:
        console.print(table)
    else:
        # A pipe has no width, and a cut reason is none.
        console.width = 200
        with console.capture() as printed:
            console.print(table)
        click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))
    if count > len(turns):
        click.echo(shell.say("turns_more", more=count - len(turns), count=count))


def _row(turn: "TurnView") -> dict[str, Any]:
    return {
        "id": turn.id,
        "state": turn.state,
        "channel": turn.channel,
        "user": turn.user,
        "accepted_at": _iso(turn.accepted_at),
        "attempts": turn.attempts,
        "parts": turn.parts,
        "sent": turn.sent,
        "reason": turn.reason,
    }


def _facts(detail: "TurnDetail", *, words: bool) -> dict[str, Any]:
    facts = _row(detail.turn) | {
        "lane": detail.turn.lane,
        "key": detail.key,
        "kind": detail.content.kind if detail.content else _UNREADABLE,
        "sent_at": _iso(detail.sent_at),
        "ended_at": _iso(detail.ended_at),
    }
    facts["messages"] = facts.pop("parts")
    if words and detail.content:
        facts["content"] = _values(detail.content)
    return facts | {"parts": [_part(part, words=words) for part in detail.parts]}


def _part(part: "PartView", *, words: bool) -> dict[str, Any]:
    facts = {
        "place": part.place,
        "kind": part.part.kind if part.part else _UNREADABLE,
        "state": part.state,
        "attempts": part.attempts,
        "message_id": part.message_id,
        "sent_at": _iso(part.sent_at),
        "error": part.error,
    }
    return facts | {"content": _values(part.part)} if words and part.part else facts


def _iso(at: datetime | None) -> str | None:
    return at.astimezone().isoformat() if at else None


def _values(content: object) -> dict[str, Any]:
    from dataclasses import asdict  # noqa: PLC0415 (as above)

    return {name: value for name, value in asdict(content).items() if name != "kind"}  # type: ignore[call-overload]


def _lines(facts: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield a line for each fact, named and said in the language that the verb speaks."""
    from web.operator.table import format_columns  # noqa: PLC0415 (as above)

    yield from (f"{indent}{line}" for line in format_columns(list(_named_facts(facts, spoken()))))


def _named_facts(facts: Mapping[str, Any], words: "Catalogue") -> "Iterator[tuple[str, str]]":
    from pipeline.text.stored_sentences import stored_in_language  # noqa: PLC0415 (as above)

    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _named_facts(value, words)
        elif value not in (None, ""):
            label, said = f"shell.fact_{name}", str(value)
            if name in {"reason", "error"}:
                said = stored_in_language(said, words)
            for key in (f"console.turns_{table}_{value}" for table in _SAID_BY.get(name, ())):
                said = words.text(key) if words.has(key) else said
            yield words.text(label) if words.has(label) else name, said


def _age(shell: Shell, at: datetime | None) -> str:
    if at is None:
        return _UNREADABLE
    seconds = int((datetime.now(UTC) - at).total_seconds())
    for size, letter in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return shell.say(f"ago_{letter}", count=seconds // size)
    return shell.say("ago_s", count=max(seconds, 0))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
