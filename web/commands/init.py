"""Set webot up: connect a bot or an application, choose a model, and write the settings.

What is not given as an option is asked for, secrets without echo. Values are tried before anything is written:
settings into settings.local.toml, secrets into .secrets.toml, which its owner alone can read.
"""

import sys

import click

from web.operator.shell import Shell, pass_shell


class _Standard:
    """The terminal this process runs in."""

    @property
    def is_there(self) -> bool:
        return sys.stdin.isatty()

    def ask(self, question: str, *, secret: bool, default: str = "") -> str:
        said: str = click.prompt(question, hide_input=secret, default=default, show_default=bool(default))
        return said

    def agree(self, question: str) -> bool:
        return click.confirm(question)


@click.command(help=__doc__)
@click.option("--channel", help="bot or application.")
@click.option("--mode", help="How WeCom reaches a bot: connection or callback.")
@click.option("--bot-id", help="Bot ID, on the bot's page.")
@click.option("--corp-id", help="Corp ID of an application.")
@click.option("--agent-id", help="AgentId of an application.")
@click.option("--secret", help="Secret; better asked for, which keeps it out of the shell's history.")
@click.option("--token", help="Token of the callback.")
@click.option("--encoding-aes-key", help="EncodingAESKey of the callback.")
@click.option("--path", help="The path of the callback.")
@click.option("--connection-url", help="Another address for a bot's connection, for a relay.")
@click.option("--api-base", help="Another address of WeCom's API, for a relay.")
@click.option("--provider", help="The model's provider; openai for all that speak its protocol.")
@click.option("--base-url", help="The address of the model's API.")
@click.option("--model", help="The provider's name for the model.")
@click.option("--api-key", help="The model's key; better asked for.")
@click.option("--no-model", is_flag=True, help="Leave the model as it is.")
@click.option("--connect", is_flag=True, help="Connect the bot as a trial, which ends its connection elsewhere.")
@click.option("--untried", is_flag=True, help="Write the values without trying them.")
@click.option(
    "--wait",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long to wait for the first message; in a terminal until it comes or Ctrl-C is pressed, else not at all.",
)
@click.option("--yes", is_flag=True, help="Replace values that are set.")
@pass_shell
def command(
    shell: Shell,
    /,
    *,
    no_model: bool,
    connect: bool,
    untried: bool,
    yes: bool,
    wait: float | None,
    **given: str | None,
) -> int:
    """Lead through it."""
    # Not for `webot --help`.
    from pipeline.settings import Log  # noqa: PLC0415
    from web.logs.setup import configure_logs  # noqa: PLC0415
    from web.settings.loading import secrets_of  # noqa: PLC0415
    from web.terminal.setup.leading import InitFlags, Leading  # noqa: PLC0415

    loaded = shell.load()
    said = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
    terminal = _Standard()
    if wait is None and not terminal.is_there:
        wait = 0.0
    flags = InitFlags(replace=yes, connect=connect, untried=untried, no_model=no_model, wait=wait)
    with configure_logs(Log(level="critical"), secrets_of(loaded)):
        return Leading(shell, said, terminal, flags).run(loaded)
