"""`@more` sends the part of the latest answer that a channel had no room for."""

from chains.command import Command, CommandCall
from pipeline.answer import Outcome
from pipeline.replies import TextReply


async def run(order: CommandCall) -> Outcome:
    """Answer with the latest answer from the message on that the argument counts, else from the first left out."""
    most = order.ask.capabilities.most_messages
    chat = order.context.chat
    known = await order.context.memory.load(order.ask.event.chat, turns=1, idle_minutes=chat.idle_minutes)
    if not known.exchanges or not most:
        return order.reply("more.nothing")
    argument = order.argument.strip()
    start = int(argument) if argument.isascii() and argument.isdigit() and len(argument) < 4 else most  # noqa: PLR2004
    return Outcome((TextReply(known.exchanges[-1].answer, start, order.context.catalogue.text("more.nothing")),))


COMMAND = Command(
    name="@more",
    aliases=("@继续",),
    summary="more.summary",
    usage="more.usage",
    order=6,
    run=run,
    offered=lambda order: order.ask.capabilities.most_messages > 0,
    synonyms=("@接着说", "@继续说", "@更多", "@下文", "@剩余部分", "@continue", "@go on", "@rest"),
)
