"""Look at, compare, release, and try the chains that answer.

NAME's draft is DATA_DIR/chains/drafts/NAME.toml; without one, what is live is meant.
"""

import asyncio
import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from web.operator.ratings import THUMBS, count_by_revision, rating_cells, show_rated
from web.operator.shell import Shell, pass_shell
from web.operator.table import format_columns
from web.operator.trials import check_report, show_request, show_tool_trace, write_report

if TYPE_CHECKING:
    from chains.evaluation.cases import CaseResult
    from chains.evaluation.replay import ComparedAnswers
    from chains.evaluation.tester import TrialAnswer
    from storage.conversations.ratings import Rating
    from web.operator.chains import ChainWorkspace

_NAME = click.argument("name", metavar="NAME")
_AT_ONCE = click.option(
    "--at-once", type=click.IntRange(1, 64), default=4, show_default=True, help="Ask so many at once."
)
_JUDGE = click.option("--judge", default="default", show_default=True, help="The model that judges rubrics.")
_TOOLS = click.option("--tools/--no-tools", default=True, help="Whether models may use the tools of their chains.")
_FRESH = click.option("--fresh", is_flag=True, help="Ask the model again even where the answer is known.")
_LIVE = click.option("--live", is_flag=True, help="Take what is live, not the draft.")
_NOTE = click.option("--note", default="", help="Why, for the history.")
_AUTHOR = click.option("--author", default=None, help="Who, for the history; else the user of this shell.")


@click.group(help=__doc__)
def command() -> None:
    """Work on chains."""


@command.command("list")
@pass_shell
def list_chains(shell: Shell) -> None:
    """List the chains with their commands, models and revisions."""
    desk = _desk(shell)
    drafts = desk.drafts
    counts = count_by_revision(desk)
    rows = [("NAME", "COMMAND", "MODEL", "REVISION", *THUMBS, "FROM", "WHAT IT IS FOR")]
    for name in desk.shelf.catalog.names:
        chain = desk.shelf.catalog.chain(name)
        origin = "own" if name in desk.shelf.files(desk.folder) else "shipped"
        origin += ", draft" if name in drafts else ""
        judged = rating_cells(counts, name, chain.revision)
        rows.append((name, chain.command or "-", chain.model, chain.revision, *judged, origin, chain.description))
    click.echo("\n".join(format_columns(rows)))
    _complain(desk.shelf.catalog.problems)


@command.command()
@_NAME
@click.option("--revision", default="", help="An earlier one, by how its name begins.")
@_LIVE
@pass_shell
def show(shell: Shell, name: str, *, revision: str, live: bool) -> None:
    """Print a chain's text, and beside it what people think of its answers."""
    desk = _desk(shell)
    version = asyncio.run(desk.revision(name, revision)) if revision else desk.version(name, live=live)
    click.echo(version.text.rstrip("\n"))
    good, bad = rating_cells(count_by_revision(desk), name, version.chain.revision)
    # Apart from the text, which may be on its way into a file.
    click.secho(f"{version.chain.revision}: {THUMBS[0]} {good}  {THUMBS[1]} {bad}", fg="cyan", err=True)


@command.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_shell
def check(shell: Shell, files: tuple[Path, ...]) -> None:
    """Check every chain and draft, or some files; the exit code is 1 if one cannot be used."""
    from chains.catalog.config import read_chain  # noqa: PLC0415 (not for `webot --help`)
    from pipeline.errors import ChainInvalid  # noqa: PLC0415 (the same)

    desk = _desk(shell)
    problems = [] if files else desk.problems()
    for file in files:
        try:
            wrong = desk.shelf.problem_with(read_chain(file))
            problems += [f"{file}: {wrong}"] if wrong else []
        except ChainInvalid as error:
            problems.append(str(error))
    _complain(problems)
    click.echo(f"{len(files) or len(desk.shelf.catalog.names) + len(desk.drafts)} chains: all can be used")


@command.command()
@_NAME
@click.argument("old", default="")
@click.argument("new", default="")
@pass_shell
def diff(shell: Shell, name: str, old: str, new: str) -> None:
    """Show what the draft changes, or the difference between revisions OLD and NEW."""
    from web.operator.chains import differences  # noqa: PLC0415 (not for `webot --help`)

    desk = _desk(shell)
    before = asyncio.run(desk.revision(name, old)) if old else desk.live(name)
    after = asyncio.run(desk.revision(name, new)) if new else desk.live(name) if old else desk.draft(name)
    lines = differences(before, after)
    for line in lines:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        click.secho(line, fg=colour)
    if not lines:
        click.echo("no difference")


@command.command()
@_NAME
@pass_shell
def history(shell: Shell, name: str) -> None:
    """List a chain's releases, newest first, with how many answers of each were judged good and bad."""
    desk = _desk(shell)
    counts = count_by_revision(desk)
    rows = [("WHEN", "REVISION", "TO", *THUMBS, "AUTHOR", "NOTE")]
    for release in asyncio.run(desk.history(name)):
        share = "everybody" if release.whole else f"{release.share} %"
        users = f" and {', '.join(release.users)}" if release.users else ""
        when = release.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        draft = release.draft
        judged = rating_cells(counts, name, draft.revision)
        rows.append((when, draft.revision or "taken away", share + users, *judged, draft.author, draft.note))
    if len(rows) == 1:
        click.echo(f"{name} was never released: what is shipped answers, or the service has not run yet")
    else:
        click.echo("\n".join(format_columns(rows)))


@command.command()
@_NAME
@click.argument("revision")
@_NOTE
@_AUTHOR
@pass_shell
def rollback(shell: Shell, name: str, revision: str, *, note: str, author: str | None) -> None:
    """Make an earlier revision answer again."""
    desk = _desk(shell)

    async def run() -> str:
        version = await desk.revision(name, revision)
        await desk.publish(name, version, author=_author(author), note=note or f"rollback to {version.label}")
        return version.label

    click.echo(f"{name}: {asyncio.run(run())} answers again")


@command.command()
@_NAME
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Publish this, not the draft."
)
@click.option(
    "--share", type=click.IntRange(0, 100), default=None, help="Only to so many of a hundred people at first."
)
@click.option("--user", "users", multiple=True, help="Only to this user at first; may be said more than once.")
@_NOTE
@_AUTHOR
@pass_shell
def publish(
    shell: Shell,
    name: str,
    *,
    file: Path | None,
    share: int | None,
    users: tuple[str, ...],
    note: str,
    author: str | None,
) -> None:
    """Make a draft answer: everybody, or some people first."""
    from chains.catalog.config import parse_chain, read_text  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.chains import Version  # noqa: PLC0415 (the same)

    desk = _desk(shell)
    if file is not None:
        text = read_text(file)
        version = Version(str(file), text, parse_chain(text, name=name, source=str(file)))
    else:
        version = desk.draft(name)
    part = share if share is not None else 0 if users else 100
    asyncio.run(desk.publish(name, version, author=_author(author), note=note, share=part, users=users))
    whole = part == 100  # noqa: PLR2004 (everybody)
    if whole and file is None:
        desk.draft_file(name).unlink()
    whom = "everybody" if whole else " and ".join(filter(None, (f"{part} %" if part else "", ", ".join(users))))
    click.echo(f"{name}: {version.chain.revision} answers {whom}")


@command.command("try")
@_NAME
@click.argument("text")
@_LIVE
@_TOOLS
@pass_shell
def try_chain(shell: Shell, name: str, text: str, *, live: bool, tools: bool) -> None:
    """Ask a chain something and show what exactly was sent."""
    from chains.models.prices import money  # noqa: PLC0415 (not for `webot --help`)

    async def run(desk: "ChainWorkspace") -> "TrialAnswer":
        from chains.evaluation.tester import ToolTrace, TrialAnswer  # noqa: PLC0415 (not for `webot --help`)

        version = desk.version(name, live=live)
        tried = TrialAnswer()
        async with desk.tester(at_once=1, fresh=True, tools=tools) as trier:
            sent = await trier.prepare(version.chain, text)
            show_request(f"{name} {version.label} {version.chain.revision}", sent)
            began = False
            async for piece in trier.stream(sent):
                match piece:
                    case str():
                        click.echo(piece, nl=False)
                        began = True
                    case ToolTrace():
                        if began:
                            click.echo()
                            began = False
                        show_tool_trace(piece)
                    case TrialAnswer():
                        tried = piece
        return tried

    desk = _desk(shell)
    tried = asyncio.run(run(desk))
    click.echo()
    if tried.error:
        raise click.ClickException(tried.error)
    cost = f", {money(tried.cost)} {desk.settings.budgets.currency}" if tried.cost else ""
    click.secho(
        f"{tried.model}: {tried.input_tokens} + {tried.output_tokens} tokens{cost}, first word after "
        f"{tried.first_milliseconds} ms, all after {tried.milliseconds} ms",
        fg="cyan",
        err=True,
    )


@command.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_JUDGE
@_LIVE
@_AT_ONCE
@_FRESH
@_TOOLS
@pass_shell
def test(
    shell: Shell, names: tuple[str, ...], *, judge: str, live: bool, at_once: int, fresh: bool, tools: bool
) -> None:
    """Run the cases of every chain, or of some; the exit code is 1 if one fails."""

    async def run(desk: "ChainWorkspace") -> list["CaseResult"]:
        from chains.evaluation.cases import run_cases  # noqa: PLC0415 (not for `webot --help`)

        desk.models.check(judge)
        chains = [desk.version(name, live=live).chain for name in names or desk.shelf.catalog.names]
        results: list[CaseResult] = []
        with click.progressbar(length=sum(len(chain.cases) for chain in chains), label="cases") as bar:
            async with desk.tester(at_once=at_once, fresh=fresh, tools=tools) as trier:
                async for result in run_cases(trier, chains, judge=judge):
                    results.append(result)
                    bar.update(1)
        return sorted(results, key=lambda result: (result.chain, result.number))

    from chains.evaluation.tester import describe_use  # noqa: PLC0415 (the same)

    results = asyncio.run(run(_desk(shell)))
    for result in results:
        click.secho(f"{'ok  ' if result.passed else 'FAIL'} {result.chain} {result.number}", nl=False)
        click.echo(f"  {' '.join(result.case.input.split())[:60]}")
        for fault in result.faults:
            click.echo(f"       {fault}")
        if not result.passed and result.tried.text:
            click.echo(f"       it said: {' '.join(result.tried.text.split())[:200]}")
        for use in () if result.passed else result.tried.tools:
            click.echo(f"       it used: {describe_use(use)}")
    failed = sum(not result.passed for result in results)
    click.echo(f"{len(results) - failed} of {len(results)} passed")
    if failed:
        raise click.exceptions.Exit(1)


@command.command()
@_NAME
@click.option("--last", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many questions.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), default=None, help="The page to write.")
@_JUDGE
@_AT_ONCE
@_FRESH
@_TOOLS
@pass_shell
def replay(
    shell: Shell, name: str, *, last: int, report: Path | None, judge: str, at_once: int, fresh: bool, tools: bool
) -> None:
    """Put the latest real questions to the draft and to what is live, and write both side by side.

    Only questions of the users that [replay] users names, and masked.
    """
    from chains.evaluation.cases import run_cases  # noqa: PLC0415 (not for `webot --help`)
    from chains.evaluation.replay import add_up, page, replay  # noqa: PLC0415 (the same)
    from chains.models.prices import money  # noqa: PLC0415 (the same)

    desk = _desk(shell)
    live, draft = desk.live(name), desk.draft(name)
    report = report or Path(f"replay-{name}.html")
    check_report(report)

    async def run() -> tuple[list["ComparedAnswers"], list[str]]:
        turns = desk.settings.chat.turns if draft.chain.turns is None else draft.chain.turns
        questions = await desk.questions(name, last=last, turns=turns)
        compared: list[ComparedAnswers] = []
        passed = []
        async with desk.tester(at_once=at_once, fresh=fresh, tools=tools) as trier:
            with click.progressbar(length=len(questions), label="questions") as bar:
                async for each in replay(trier, live.chain, draft.chain, questions):
                    compared.append(each)
                    bar.update(1)
            for label, chain in (("live", live.chain), ("draft", draft.chain)) if questions else ():
                # The draft's cases: what it is meant to do, the live one may not do yet.
                chain = chain.model_copy(update={"cases": draft.chain.cases})  # noqa: PLW2901 (with other cases)
                results = [each async for each in run_cases(trier, [chain], judge=judge)]
                passed.append(f"{label}: {sum(each.passed for each in results)} of {len(results)} cases pass")
        return sorted(compared, key=lambda each: each.question.trace), passed

    compared, cases = asyncio.run(run())
    if not compared:
        raise click.ClickException(f"nobody whom [replay] users names has asked {name} anything yet")
    currency = desk.settings.budgets.currency
    written = page(name, (live.chain.revision, draft.chain.revision), compared, cases, currency=currency)
    write_report(report, written)
    rows = [("", "REVISION", "ANSWERS", "ERRORS", "TOOLS", "TOKENS IN", "TOKENS OUT", f"COST {currency}", "MEDIAN MS")]
    for label, version, tried in (
        ("live", live, [each.live for each in compared]),
        ("draft", draft, [each.draft for each in compared]),
    ):
        total = add_up(tried)
        counts = (total.answers, total.errors, total.tools, total.input_tokens, total.output_tokens)
        cells = (*map(str, counts), money(total.cost), str(total.milliseconds))
        rows.append((label, version.chain.revision, *cells))  # type: ignore[arg-type]
    click.echo("\n".join(format_columns(rows)))
    for line in cases:
        click.echo(line)
    changed = sum(each.changed for each in compared)
    click.echo(f"{changed} of {len(compared)} answers changed; side by side in {report}")
    if any(each.draft.error for each in compared):
        raise click.exceptions.Exit(1)


@command.command()
@_NAME
@click.option("--bad", "rated", flag_value="bad", help="Only answers judged bad.")
@click.option("--good", "rated", flag_value="good", help="Only answers judged good.")
@click.option("--last", type=click.IntRange(1, 1000), default=20, show_default=True, help="So many.")
@pass_shell
def ratings(shell: Shell, name: str, *, rated: "Rating | None", last: int) -> None:
    """Show what people think of a chain's answers, and why, newest first.

    What they noted is shown of all; question and answer only of the users that [replay] users names. All of it masked.
    """
    desk = _desk(shell)
    found = asyncio.run(desk.judged(name, last=last, rated=rated or ""))
    for judged in found:
        show_rated(judged)
    if not found:
        click.echo(f"nobody has judged an answer of {name} yet")


def _desk(shell: Shell) -> "ChainWorkspace":
    from web.operator.chains import ChainWorkspace  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.quiet_settings import load_settings_quietly  # noqa: PLC0415 (the same)

    return ChainWorkspace(load_settings_quietly(shell))


def _author(said: str | None) -> str:
    try:
        return said or getpass.getuser()
    except (OSError, KeyError):
        # A container may run as a user that has no name.
        return "somebody"


def _complain(problems: Sequence[str]) -> None:
    for problem in problems:
        click.secho(problem, fg="red", err=True)
    if problems:
        raise click.exceptions.Exit(1)
