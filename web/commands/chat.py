"""Chat in the terminal, through the simulator and the encrypted callbacks.

Lines are messages; /send FILE sends a picture or a file, /quit or Ctrl-D leaves, and @stop stops an answer that is
being made. With a pipe for input each line waits for the answer to the one before. A service that runs already is
used; else one is run for as long as the conversation lasts.
"""

import sys

import click

from web.operator.shell import Shell, pass_shell


@click.command(help=__doc__)
@click.option("--as", "user", default="zhangsan", show_default=True, metavar="USER", help="Who speaks.")
@click.option("--channel", default="", metavar="NAME", help="The channel to speak in; else the first one.")
@click.option("--group", default="", metavar="NAME", help="The group of an AI bot to speak in; else the single chat.")
@pass_shell
def command(shell: Shell, user: str, channel: str, group: str) -> int:
    """Talk until the input ends."""
    # `webot --help` must not wait for them.
    from web.loop import run  # noqa: PLC0415
    from web.terminal.chat import run_chat  # noqa: PLC0415

    return (
        0
        if run(run_chat(shell.load(), user=user, channel=channel, group=group, stdin=sys.stdin, stdout=sys.stdout))
        else 1
    )
