"""`@help` lists the commands this deployment really offers, by what they are for, the most used ones first."""

from collections.abc import Iterable, Sequence
from typing import get_args

from chains.catalog.config import ChainConfig
from chains.command import Command, CommandCall, Group
from pipeline.answer import Outcome
from pipeline.text.command_line import ends_cjk
from pipeline.text.i18n import Catalogue

_MOST_USED = 5


async def run(order: CommandCall) -> Outcome:
    """Answer with the list."""
    context = order.context
    words = context.catalogue
    offered = sorted((each for each in context.commands if each.offered(order)), key=lambda each: each.order)
    sections = [
        (words.text(f"help.group_{group}"), [_line(each, words) for each in offered if each.group == group])
        for group in get_args(Group)
    ]
    chains = context.catalog.offered(order.ask.event.sender)
    sections.append((words.text("help.group_chains"), [_chain_line(chain, words) for chain in chains]))
    return order.reply(
        "help.all",
        most_used=" ".join(f"**{_names(each.name, each.aliases, words)[0]}**" for each in offered[:_MOST_USED]),
        commands="\n\n".join(_section(title, lines) for title, lines in sections if lines),
        end=words.text("help.end_menu" if order.ask.capabilities.menu else "help.end"),
    )


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join((f"**{title}**", "", *lines))


def _line(command: Command, words: Catalogue) -> str:
    first, second = _names(command.name, command.aliases, words)
    usage = f" {words.text(command.usage)}" if command.usage else ""
    return words.text("help.line", command=f"{first}{usage}", alias=second, summary=words.text(command.summary))


def _chain_line(chain: ChainConfig, words: Catalogue) -> str:
    summary = " ".join(chain.description.split()) or chain.name
    first, second = _names(chain.command, chain.aliases, words)
    if not second:
        return words.text("chain.line_alone", command=first, summary=summary)
    return words.text("chain.line", command=first, alias=second, summary=summary)


def _names(name: str, aliases: Sequence[str], words: Catalogue) -> tuple[str, str]:
    """Return two names of a command, that of the deployment's language first; the second is empty if there is one."""
    names = sorted((name, *aliases), key=lambda each: ends_cjk(each) != (words.language == "zh"))
    others = [each for each in names[1:] if ends_cjk(each) != ends_cjk(names[0])] or names[1:]
    return names[0], next(iter(others), "")


COMMAND = Command(
    name="@help",
    aliases=("@帮助", "@菜单"),
    summary="help.summary",
    order=70,
    run=run,
    synonyms=(
        "@帮助菜单",
        "@帮助文档",
        "@使用帮助",
        "@使用方法",
        "@用法",
        "@指令",
        "@指令列表",
        "@指令大全",
        "@所有指令",
        "@全部指令",
        "@有哪些指令",
        "@有什么指令",
        "@有哪些命令",
        "@有哪些功能",
        "@有什么功能",
        "@命令",
        "@命令列表",
        "@功能",
        "@功能列表",
        "@说明",
        "@使用说明",
        "@功能介绍",
        "@怎么用",
        "@怎么使用",
        "@如何使用",
        "@你会什么",
        "@你能做什么",
        "@你能干什么",
        "@what can you do",
        "@how to use",
        "@menu",
        "@command",
        "@commands",
    ),
)
