"""What trying and testing chains shows in a terminal, and the reports they write."""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.text.i18n import Sentence, in_language, os_reason
from web.operator.shell import spoken

if TYPE_CHECKING:
    from chains.catalog.config import ChainConfig
    from chains.conversation.request import ModelRequest
    from chains.evaluation.case_report import CasesReport, ChainReport
    from chains.evaluation.cases import CaseResult
    from chains.evaluation.tester import ToolTrace
    from web.operator.chains.workspace import ChainWorkspace

_SHOWN = 500
"""How much of what a tool said is shown."""
_INPUT = 60
_SAID = 200


def show_request(title: str, sent: "ModelRequest") -> None:
    """Print the messages, the options and the names of the tools that a model is sent."""
    click.secho(title, fg="cyan", err=True)
    for role, words in sent.transcript():
        click.secho(f"{role}:", fg="yellow", err=True)
        click.echo(words, err=True)
    if sent.options:
        values = {key: json.dumps(value, ensure_ascii=False, default=str) for key, value in sent.options.items()}
        options = ", ".join(f"{key} = {value}" for key, value in values.items())
        click.secho(_say("options", options=options), fg="yellow", err=True)
    if sent.tools:
        click.secho(_say("tools", tools=", ".join(sent.tools)), fg="yellow", err=True)
    click.secho(_say("answer"), fg="yellow", err=True)


def show_tool_trace(tooled: "ToolTrace") -> None:
    """Print how a tool was used and what the model was told of it."""
    from chains.evaluation.tester import describe_use  # noqa: PLC0415 (not for `webot --help`)

    click.secho(_say("tool", use=in_language(describe_use(tooled.use), spoken())), fg="yellow", err=True)
    shown = tooled.output if len(tooled.output) <= _SHOWN else f"{tooled.output[:_SHOWN]}…"
    click.echo(shown, err=True)


def check_report(file: Path, *, option: str = "--report") -> None:
    """Raise `click.ClickException` where a report cannot be written, before a model is paid for what is in it."""
    folder = file.parent
    if not folder.is_dir():
        raise click.ClickException(_say("no_folder", option=option, file=str(file), folder=str(folder)))
    if file.is_dir():
        raise click.ClickException(_say("is_folder", option=option, file=str(file)))
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise click.ClickException(_not_written(option, file, Sentence("os.denied")))


def write_report(file: Path, page: str, *, option: str = "--report") -> None:
    """Write a report. Raises `click.ClickException` where that fails all the same."""
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(_not_written(option, file, os_reason(error))) from error


async def run_tests(
    workspace: "ChainWorkspace",
    names: Sequence[str],
    *,
    judge: str,
    live: bool,
    at_once: int,
    fresh: bool,
    tools: bool,
) -> "CasesReport":
    """Run the cases of some chains, or of all and of every draft; a chain that cannot be used holds up no other."""
    from chains.evaluation.case_report import CasesReport  # noqa: PLC0415 (not for `webot --help`)
    from chains.evaluation.cases import run_cases  # noqa: PLC0415 (the same)

    workspace.models.check(judge)
    drafts = () if live else workspace.drafts
    found = [
        _chosen(workspace, name, live=live) for name in names or sorted({*workspace.chain_files.catalog.names, *drafts})
    ]
    chains = [chain for _, chain in found if chain is not None]
    results: list[CaseResult] = []
    await _note_tested(workspace, chains)
    cases = sum(len(chain.cases) for chain in chains)
    with click.progressbar(length=cases, label=_say("cases"), file=sys.stderr) as bar:
        async with workspace.tester(at_once=at_once, fresh=fresh, tools=tools) as trier:
            async for result in run_cases(trier, chains, judge=judge):
                results.append(result)
                bar.update(1)
    results.sort(key=lambda result: (result.chain, result.number))
    return CasesReport(tuple(_with_results(report, results) for report, _ in found))


def show_report(report: "CasesReport") -> None:
    """Print what was tested, each case with what is wrong with it, and the sum."""
    for chain in report.chains:
        click.secho(in_language(chain.title, spoken()), fg="red" if chain.error else "cyan")
        for line in chain.error.splitlines():
            click.echo(f"     {line}")
        for result in chain.results:
            _show_result(result)
    kind = "sum_broken" if report.broken else "sum"
    passed, cases = len(report.results) - report.failed, len(report.results)
    click.echo(_say(kind, passed=passed, cases=cases, broken=len(report.broken)))


def check_junit(file: Path | None) -> None:
    """Raise `click.ClickException` where the file cannot be written, before a model is paid."""
    if file is not None:
        check_report(file, option="--junit")


def write_junit(file: Path | None, report: "CasesReport") -> None:
    """Write the report as JUnit's XML, if it is wanted."""
    if file is not None:
        write_report(file, report.as_junit(), option="--junit")


async def _note_tested(workspace: "ChainWorkspace", chains: "Sequence[ChainConfig]") -> None:
    from storage.database.access import DatabaseUnusable, NoDatabase, SchemaOutdated  # noqa: PLC0415 (as above)
    from storage.database.migrate import SchemaTooNew  # noqa: PLC0415 (the same)

    # Chains are tested where there is no database, too.
    with suppress(NoDatabase, SchemaOutdated, SchemaTooNew, DatabaseUnusable):
        await workspace.note("chain_test", {"chains": [chain.name for chain in chains]})


def _chosen(workspace: "ChainWorkspace", name: str, *, live: bool) -> "tuple[ChainReport, ChainConfig | None]":
    from chains.evaluation.case_report import ChainReport  # noqa: PLC0415 (not for `webot --help`)
    from pipeline.errors import ChainInvalid  # noqa: PLC0415 (the same)

    label = "draft" if not live and workspace.draft_file(name).exists() else "live"
    try:
        version = workspace.version(name, live=live)
    except ChainInvalid as error:
        wrong = "\n".join(in_language(problem, spoken()) for problem in error.problems)
        return ChainReport(name, label, "", "", error=wrong), None
    chain = version.chain
    return ChainReport(name, version.label, chain.revision, chain.model), chain


def _with_results(report: "ChainReport", results: "Sequence[CaseResult]") -> "ChainReport":
    return replace(report, results=tuple(result for result in results if result.chain == report.name))


def _show_result(result: "CaseResult") -> None:
    from chains.evaluation.tester import describe_use  # noqa: PLC0415 (not for `webot --help`)

    click.secho(f"{_say('passed' if result.passed else 'failed')} {result.chain} {result.number}", nl=False)
    click.echo(f"  {' '.join(result.case.input.split())[:_INPUT]}")
    if result.passed:
        return
    for fault in result.faults:
        click.echo(f"       {in_language(fault, spoken())}")
    if result.tried.text:
        click.echo(f"       {_say('said', text=' '.join(result.tried.text.split())[:_SAID])}")
    for use in result.tried.tools:
        click.echo(f"       {_say('used', use=in_language(describe_use(use), spoken()))}")


def _not_written(option: str, file: Path, reason: str) -> str:
    return _say("not_written", option=option, file=str(file), reason=in_language(reason, spoken()))


def _say(key: str, /, **values: object) -> str:
    return spoken().text(f"trial.{key}", **values)
