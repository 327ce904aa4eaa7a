"""`@help` lists the commands this deployment really offers."""

from chains.command import Command, Means, Order
from chains.config import ChainConfig
from pipeline.outcomes import Outcome


async def run(order: Order) -> Outcome:
    """Answer with the list."""
    means = order.means
    ours = [_line(command, means) for command in means.commands if command.offered(order)]
    chains = [_chain_line(chain, means) for chain in means.book().offered(order.ask.event.sender)]
    return order.done("help.all", commands="\n".join([*ours, *chains]))


def _line(command: Command, means: Means) -> str:
    usage = f" {means.words.text(command.usage)}" if command.usage else ""
    return means.words.text(
        "help.line",
        command=f"{command.name}{usage}",
        alias=command.aliases[0],
        summary=means.words.text(command.summary),
    )


def _chain_line(chain: ChainConfig, means: Means) -> str:
    summary = chain.description or chain.name
    if not chain.aliases:
        return means.words.text("chain.line_alone", command=chain.command, summary=summary)
    return means.words.text("chain.line", command=chain.command, alias=chain.aliases[0], summary=summary)


COMMAND = Command(name="@help", aliases=("@帮助", "@菜单"), summary="help.summary", run=run)
