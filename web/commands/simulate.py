"""Play a scripted conversation of many people, and report what became of every message.

FILE has one message a line; docs/try-it.md shows what else a line may be. A service that runs already is used, and
keeps what was said; else one is run that forgets it all. The exit code is 1 if anything was lost, duplicated or out
of order.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from web.operator.shell import Shell, pass_shell


@click.command(help=__doc__)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--users", type=click.IntRange(1), default=1, show_default=True, help="How many people say it.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Messages a second, over all; else each waits for the answer to the one before.",
)
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="How often each says it.")
@click.option("--deliver", type=click.IntRange(1, 100), default=1, show_default=True, help="Deliveries of a callback.")
@click.option("--groups", type=click.IntRange(0), default=0, help="Spread the people over so many groups of an AI bot.")
@click.option("--channel", default="", metavar="NAME", help="The channel to speak in; else the first one.")
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
@pass_shell
def command(  # noqa: PLR0913 -- an argument for each option
    shell: Shell,
    file: Path,
    users: int,
    rate: float | None,
    repeat: int,
    deliver: int,
    groups: int,
    channel: str,
    *,
    as_json: bool,
) -> int:
    """Play it and report."""
    # `webot --help` must not wait for them.
    from web.loop import run  # noqa: PLC0415
    from web.simulate.player import Plan  # noqa: PLC0415
    from web.terminal.script import read_script  # noqa: PLC0415
    from web.terminal.simulate import run_simulation  # noqa: PLC0415

    loaded = shell.load()
    plan = Plan(acts=read_script(file), users=users, rate=rate, repeat=repeat, deliver=deliver, groups=groups)
    with TemporaryDirectory(prefix="webot-simulate-") as folder:
        played = run_simulation(
            loaded,
            plan,
            folder=Path(folder),
            channel=channel,
            as_json=as_json,
            stdout=sys.stdout,
            stderr=sys.stderr,
        )
        return 0 if run(played) else 1
