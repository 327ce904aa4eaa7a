"""`@help` lists the commands this deployment really offers."""

from chains.catalog.config import ChainConfig
from chains.command import Command, CommandCall, CommandContext
from pipeline.answer import Outcome


async def run(order: CommandCall) -> Outcome:
    """Answer with the list."""
    means = order.context
    ours = [_line(command, means) for command in means.commands if command.offered(order)]
    chains = [_chain_line(chain, means) for chain in means.catalog().offered(order.ask.event.sender)]
    return order.reply("help.all", commands="\n".join([*ours, *chains]))


def _line(command: Command, context: CommandContext) -> str:
    usage = f" {context.catalogue.text(command.usage)}" if command.usage else ""
    return context.catalogue.text(
        "help.line",
        command=f"{command.name}{usage}",
        alias=command.aliases[0],
        summary=context.catalogue.text(command.summary),
    )


def _chain_line(chain: ChainConfig, context: CommandContext) -> str:
    summary = chain.description or chain.name
    if not chain.aliases:
        return context.catalogue.text("chain.line_alone", command=chain.command, summary=summary)
    return context.catalogue.text("chain.line", command=chain.command, alias=chain.aliases[0], summary=summary)


COMMAND = Command(
    name="@help",
    aliases=("@帮助", "@菜单"),
    summary="help.summary",
    run=run,
    synonyms=(
        "@帮助菜单",
        "@使用帮助",
        "@查看帮助",
        "@指令",
        "@指令列表",
        "@所有指令",
        "@命令",
        "@命令列表",
        "@功能",
        "@功能列表",
        "@说明",
        "@使用说明",
        "@怎么用",
        "@menu",
        "@command",
        "@commands",
    ),
)
