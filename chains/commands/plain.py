"""`@plain` has messages come as plain text, which WeChat's plugin shows, too."""

from chains.command import DEFAULT, Command, CommandCall
from pipeline.answer import Outcome, StyleChosen
from pipeline.text.folding import casefold_nfkc


async def run(order: CommandCall) -> Outcome:
    """Choose plain text, or what the settings say again."""
    if not order.ask.capabilities.styles:
        return order.reply("style.unavailable")
    if casefold_nfkc(order.choice) in DEFAULT:
        return order.reply("style.reset", StyleChosen(""))
    return order.reply("style.plain", StyleChosen("plain"))


COMMAND = Command(
    name="@plain",
    aliases=("@纯文本",),
    summary="style.plain_summary",
    order=10,
    run=run,
    offered=lambda order: order.ask.capabilities.styles,
    synonyms=("@纯文字", "@文本模式", "@纯文本模式", "@plain-text", "@plaintext"),
)
