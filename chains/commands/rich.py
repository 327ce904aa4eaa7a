"""`@rich` has messages come as Markdown: bold, links and colours."""

from chains.command import DEFAULT, Command, CommandCall
from pipeline.answer import Outcome, StyleChosen
from pipeline.text.folding import casefold_nfkc


async def run(order: CommandCall) -> Outcome:
    """Choose Markdown, or what the settings say again."""
    if not order.ask.capabilities.styles:
        return order.reply("style.unavailable")
    if casefold_nfkc(order.choice) in DEFAULT:
        return order.reply("style.reset", StyleChosen(""))
    return order.reply("style.rich", StyleChosen("rich"))


COMMAND = Command(
    name="@rich",
    aliases=("@富文本",),
    summary="style.rich_summary",
    order=11,
    run=run,
    offered=lambda order: order.ask.capabilities.styles,
    synonyms=("@富文本模式", "@markdown"),
)
