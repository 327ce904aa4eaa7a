"""Look at, compare, release, and try the chains that answer.

NAME's draft is DATA_DIR/chains/drafts/NAME.toml; without one, what is live is meant.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.errors import ChainInvalid
from pipeline.text.i18n import in_language
from web.operator.chains.chain_reports import (
    list_rows,
    print_notices,
    print_problems,
    print_rows,
)
from web.operator.chains.ratings import THUMBS, count_by_revision, rating_cells, show_rated
from web.operator.chains.release_verbs import NAME, history, open_workspace, publish, rollback, trials
from web.operator.chains.trials import (
    check_junit,
    check_report,
    run_tests,
    show_report,
    show_request,
    show_tool_trace,
    write_junit,
    write_report,
)
from web.operator.shell import Shell, pass_shell, spoken
from web.operator.table import format_columns

if TYPE_CHECKING:
    from chains.evaluation.replay import ComparedAnswers
    from chains.evaluation.tester import TrialAnswer
    from storage.conversations.ratings import Rating
    from web.operator.chains.workspace import ChainWorkspace

_AT_ONCE = click.option(
    "--at-once", type=click.IntRange(1, 64), default=4, show_default=True, help="Ask so many at once."
)
_JUDGE = click.option("--judge", default="default", show_default=True, help="The model that judges rubrics.")
_TOOLS = click.option("--tools/--no-tools", default=True, help="Whether models may use the tools of their chains.")
_FRESH = click.option("--fresh", is_flag=True, help="Ask the model again even where the answer is known.")
_LIVE = click.option("--live", is_flag=True, help="Take what is live, not the draft.")


class _InLanguage(click.Group):
    """A group that says in the language of the settings what is wrong with a chain."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except ChainInvalid as error:
            said = "\n".join(in_language(problem, spoken()) for problem in error.problems)
            click.echo(f"webot: {said}", err=True)
            raise click.exceptions.Exit(1) from error


@click.group(cls=_InLanguage, help=__doc__)
def command() -> None:
    """Work on chains."""


for verb in (history, publish, rollback, trials):
    command.add_command(verb)


@command.command("list")
@pass_shell
def list_chains(shell: Shell) -> None:
    """List the chains with their commands, models and revisions."""
    from chains.catalog.advice import is_in_use  # noqa: PLC0415 (not for `webot --help`)
    from web.operator.chains.release_words import service_line  # noqa: PLC0415 (not for `webot --help`)

    workspace = open_workspace(shell)
    print_rows(list_rows(workspace, count_by_revision(workspace)))
    print_notices(workspace, *workspace.chain_files.catalog.names)
    machines = workspace.deployment.machines
    in_step = sum(not machine.away and machine.number >= 0 for machine in machines)
    click.secho(
        service_line(in_step, len(machines), spoken(), known=workspace.deployment.unread is None), fg="cyan", err=True
    )
    print_problems((machine.away for machine in machines if machine.away), colour="yellow")
    problems = workspace.chain_files.catalog.problems
    print_problems([*filter(is_in_use, problems), *workspace.chain_files.catalog.warnings], colour="yellow")
    _complain([problem for problem in problems if not is_in_use(problem)])


@command.command()
@NAME
@click.option("--revision", default="", help="An earlier one, by how its name begins.")
@_LIVE
@pass_shell
def show(shell: Shell, name: str, *, revision: str, live: bool) -> None:
    """Print a chain's text, and beside it what people think of its answers."""
    from web.operator.chains.release_words import service_line  # noqa: PLC0415 (not for `webot --help`)

    workspace = open_workspace(shell)
    version = asyncio.run(workspace.revision(name, revision)) if revision else workspace.version(name, live=live)
    click.echo(version.text.rstrip("\n"))
    good, bad = rating_cells(count_by_revision(workspace), name, version.chain.revision)
    machines = workspace.deployment.machines
    running = sum(each.live.get(name) == version.chain.revision for each in machines)
    tokens = spoken().text("chains.tokens", tokens=f"{version.chain.prompt_tokens:,}")
    service = service_line(running, len(machines), spoken(), known=workspace.deployment.unread is None)
    facts = f"{version.chain.revision}: {THUMBS[0]} {good}  {THUMBS[1]} {bad}  {service}"
    # Apart from the text, which may be on its way into a file.
    click.secho(f"{facts}  {tokens}", fg="cyan", err=True)
    print_notices(workspace, name)


@command.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_shell
def check(shell: Shell, files: tuple[Path, ...]) -> None:
    """Check every chain and draft, or some files; the exit code is 1 if one cannot be used."""
    from chains.catalog.advice import is_in_use  # noqa: PLC0415 (not for `webot --help`)
    from chains.catalog.config import read_chain  # noqa: PLC0415 (the same)

    workspace = open_workspace(shell)
    problems = [problem for file in files for problem in workspace.problems_of(file)] if files else workspace.problems()
    missing, away = asyncio.run(workspace.deep_problems(workspace.readable(files)))
    print_problems([*away, *workspace.warnings(files)], colour="yellow")
    print_problems(filter(is_in_use, problems), colour="yellow")
    _complain([*(problem for problem in problems if not is_in_use(problem)), *missing])
    for file in files:
        tokens = spoken().text("chains.tokens", tokens=f"{read_chain(file).prompt_tokens:,}")
        click.echo(spoken().text("chains.size", file=file, tokens=tokens))
    count = len(files) or len(workspace.chain_files.catalog.names) + len(workspace.drafts)
    click.echo(spoken().text("chains.all_usable", count=count))


@command.command()
@NAME
@click.argument("old", default="")
@click.argument("new", default="")
@pass_shell
def diff(shell: Shell, name: str, old: str, new: str) -> None:
    """Show what the draft changes, or the difference between revisions OLD and NEW."""
    from web.operator.chains.deployment import differences  # noqa: PLC0415 (not for `webot --help`)

    workspace = open_workspace(shell)
    before = asyncio.run(workspace.revision(name, old)) if old else workspace.live(name)
    after = (
        asyncio.run(workspace.revision(name, new)) if new else workspace.live(name) if old else workspace.draft(name)
    )
    print_notices(workspace, name)
    lines = differences(before, after, spoken())
    for line in lines:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        click.secho(line, fg=colour)
    if not lines:
        click.echo(spoken().text("chains.no_difference"))


@command.command("try")
@NAME
@click.argument("text")
@_LIVE
@_TOOLS
@pass_shell
def try_chain(shell: Shell, name: str, text: str, *, live: bool, tools: bool) -> None:
    """Ask a chain something and show what exactly was sent."""
    from chains.models.prices import currency_name, money  # noqa: PLC0415 (not for `webot --help`)

    async def run(workspace: "ChainWorkspace") -> "TrialAnswer":
        from chains.evaluation.case_report import version_word  # noqa: PLC0415 (not for `webot --help`)
        from chains.evaluation.tester import ToolTrace, TrialAnswer  # noqa: PLC0415 (the same)
        from web.operator.chains.trying import TrialBegun, try_version  # noqa: PLC0415 (the same)

        version = workspace.version(name, live=live)
        tried = TrialAnswer()
        began = False
        async for piece in try_version(workspace, version.chain, text, tools=tools):
            match piece:
                case TrialBegun():
                    print_problems(piece.doubts, colour="yellow")
                    kind = in_language(version_word(version.label), spoken())
                    show_request(f"{name} {kind} {version.chain.revision}", piece.sent)
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

    workspace = open_workspace(shell)
    print_notices(workspace, name)
    tried = asyncio.run(run(workspace))
    click.echo()
    if tried.error:
        raise click.ClickException(in_language(tried.error, spoken()))
    for fault in tried.unfit:
        click.secho(in_language(fault, spoken()), fg="red", err=True)
    facts = spoken().text(
        "trial.facts_cost" if tried.cost else "trial.facts",
        model=tried.model,
        input=tried.input_tokens,
        output=tried.output_tokens,
        cost=f"{money(tried.cost)} {currency_name(workspace.settings.budgets.currency, spoken())}",
        first=tried.first_milliseconds,
        all=tried.milliseconds,
    )
    click.secho(facts, fg="cyan", err=True)


@command.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_JUDGE
@_LIVE
@_AT_ONCE
@_FRESH
@_TOOLS
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, for programs.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the results as JUnit's XML, for CI.",
)
@pass_shell
def test(  # noqa: PLR0913 (the options)
    shell: Shell,
    names: tuple[str, ...],
    *,
    judge: str,
    live: bool,
    at_once: int,
    fresh: bool,
    tools: bool,
    as_json: bool,
    junit: Path | None,
) -> None:
    """Run the cases of every chain and draft, or of some; the exit code is 1 if one fails or cannot be tested."""
    check_junit(junit)
    report = asyncio.run(
        run_tests(open_workspace(shell), names, judge=judge, live=live, at_once=at_once, fresh=fresh, tools=tools)
    )
    if as_json:
        click.echo(report.as_json())
    else:
        show_report(report)
    write_junit(junit, report)
    if not report.fine:
        raise click.exceptions.Exit(1)


@command.command()
@NAME
@click.option("--last", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many questions.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    default=None,
    help="The page to write.",
)
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
    from chains.evaluation.replay import add_up, changed_line, page, replay, sum_heads  # noqa: PLC0415 (the same)
    from chains.models.prices import currency_name, money  # noqa: PLC0415 (the same)

    workspace = open_workspace(shell)
    say = spoken().text
    live, draft = workspace.live(name), workspace.draft(name)
    report = report or Path(f"replay-{name}.html")
    check_report(report)

    async def run() -> tuple[list["ComparedAnswers"], list[str]]:
        turns = workspace.settings.chat.turns if draft.chain.turns is None else draft.chain.turns
        questions = await workspace.questions(name, last=last, turns=turns)
        if questions:
            await workspace.note("chain_replay", {"chain": name, "last": last}, messages=len(questions))
        compared: list[ComparedAnswers] = []
        passed = []
        async with workspace.tester(at_once=at_once, fresh=fresh, tools=tools) as trier:
            with click.progressbar(length=len(questions), label=say("trial.questions")) as bar:
                async for each in replay(trier, live.chain, draft.chain, questions):
                    compared.append(each)
                    bar.update(1)
            for label, chain in (("live", live.chain), ("draft", draft.chain)) if questions else ():
                # The draft's cases: what it is meant to do, the live one may not do yet.
                chain = chain.model_copy(update={"cases": draft.chain.cases})  # noqa: PLW2901 (with other cases)
                results = [each async for each in run_cases(trier, [chain], judge=judge)]
                kind = say(f"trial.version_{label}")
                passed.append(
                    say("trial.cases_pass", kind=kind, passed=sum(each.passed for each in results), cases=len(results))
                )
        return sorted(compared, key=lambda each: each.question.trace), passed

    compared, cases = asyncio.run(run())
    if not compared:
        raise click.ClickException(say("trial.no_questions", name=name))
    currency = currency_name(workspace.settings.budgets.currency, spoken())
    revisions = (live.chain.revision, draft.chain.revision)
    write_report(report, page(name, revisions, compared, cases, words=spoken(), currency=currency))
    rows: list[tuple[str, ...]] = [("", say("chains.head_revision"), *sum_heads(spoken(), currency))]
    for label, version, tried in (
        ("live", live, [each.live for each in compared]),
        ("draft", draft, [each.draft for each in compared]),
    ):
        total = add_up(tried)
        counts = (total.answers, total.errors, total.unfit, total.tools, total.input_tokens, total.output_tokens)
        cells = (*map(str, counts), money(total.cost), str(total.milliseconds))
        rows.append((say(f"trial.version_{label}"), version.chain.revision, *cells))
    click.echo("\n".join(format_columns(rows)))
    for line in cases:
        click.echo(line)
    for each in compared:
        for label, answer in (("live", each.live), ("draft", each.draft)):
            for fault in answer.unfit:
                kind, said = say(f"trial.version_{label}"), in_language(fault, spoken())
                line = say("trial.fault", trace=each.question.trace, kind=kind, said=said)
                click.secho(line, fg="red", err=True)
    click.echo(say("trial.replayed", changed=in_language(changed_line(compared), spoken()), report=report))
    if any(each.draft.error or each.draft.unfit for each in compared):
        raise click.exceptions.Exit(1)


@command.command()
@NAME
@click.option("--bad", "rated", flag_value="bad", help="Only answers judged bad.")
@click.option("--good", "rated", flag_value="good", help="Only answers judged good.")
@click.option("--last", type=click.IntRange(1, 1000), default=20, show_default=True, help="So many.")
@pass_shell
def ratings(shell: Shell, name: str, *, rated: "Rating | None", last: int) -> None:
    """Show what people think of a chain's answers, and why, newest first.

    What they noted is shown of all; question and answer only of the users that [replay] users names. All of it masked.
    """
    workspace = open_workspace(shell)
    found = asyncio.run(workspace.judged(name, last=last, rated=rated or ""))
    if found:
        asyncio.run(workspace.note("list", {"chain": name, "rated": rated or ""}, messages=2 * len(found)))
    for judged in found:
        show_rated(judged)
    if not found:
        workspace.require(name)
        click.echo(spoken().text("chains.nobody_judged", name=name))


def _complain(problems: Sequence[str]) -> None:
    print_problems(problems)
    if problems:
        raise click.exceptions.Exit(1)
