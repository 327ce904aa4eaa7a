"""`@help` lists the commands this deployment really offers."""

from chains.command import Command, Means, Order
from pipeline.outcomes import Outcome


async def run(order: Order) -> Outcome:
    """Answer with the list."""
    means = order.means
    lines = "\n".join(_line(command, means) for command in means.commands if command.offered(means))
    return order.done("help.all", commands=lines)


def _line(command: Command, means: Means) -> str:
    usage = f" {means.words.say(command.usage)}" if command.usage else ""
    return means.words.say(
        "help.line",
        command=f"{command.name}{usage}",
        alias=command.aliases[0],
        summary=means.words.say(command.summary),
    )


COMMAND = Command(name="@help", aliases=("@帮助", "@菜单"), summary="help.summary", run=run)
