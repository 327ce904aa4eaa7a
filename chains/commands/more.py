"""`@more` sends the part of the latest answer that a channel had no room for."""

import re

from chains.command import Command, CommandCall, joins_form
from pipeline.answer import Outcome
from pipeline.replies import TextReply

_FROM = re.compile(r"第?([0-9]{1,3})[条段页]?")


async def run(order: CommandCall) -> Outcome:
    """Answer with the latest answer from the message on that the argument counts, else from the first left out."""
    most = order.ask.capabilities.most_messages
    chat = order.context.chat
    known = await order.context.memory.load(order.ask.event.chat, turns=1, idle_minutes=chat.idle_minutes)
    if not known.exchanges or not most:
        return order.reply("more.nothing")
    said = _FROM.fullmatch(order.folded_choice)
    start = int(said[1]) if said is not None else most
    return Outcome((TextReply(known.exchanges[-1].answer, start, order.context.catalogue.text("more.nothing")),))


COMMAND = Command(
    name="@more",
    aliases=("@继续",),
    summary="more.summary",
    usage="more.usage",
    order=6,
    run=run,
    offered=lambda order: order.ask.capabilities.most_messages > 0,
    synonyms=(
        "@继续说",
        "@继续写",
        "@继续发",
        "@继续输出",
        "@继续生成",
        "@接着说",
        "@接着写",
        "@往下说",
        "@往下写",
        "@说下去",
        "@继续说下去",
        "@继续写下去",
        "@写下去",
        "@还有呢",
        "@更多",
        "@下文",
        "@后面的",
        "@剩下的",
        "@剩余部分",
        "@continue",
        "@go on",
        "@keep going",
        "@carry on",
        "@rest",
        "@the rest",
    ),
    joins=joins_form(_FROM),
)
