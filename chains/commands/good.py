"""`@good` praises the latest answer: whoever writes the chain that gave it sees how many did."""

from chains.command import Command, CommandCall
from pipeline.answer import Outcome, Rated
from pipeline.text.command_line import is_courtesy
from pipeline.text.unicode import wellformed


async def run(order: CommandCall) -> Outcome:
    """Keep the praise, or say that there is nothing to judge yet."""
    if not await order.context.memory.answered(order.ask.event.chat, order.ask.event.sender):
        return order.reply("rating.nothing")
    return order.reply("rating.good", Rated(good=True, why=wellformed(order.argument)))


# As stickers come from WeCom's own keyboard: as words in brackets.
COMMAND = Command(
    name="@good",
    aliases=("@好评", "@赞", "@👍"),
    summary="rating.good_summary",
    order=20,
    run=run,
    synonyms=("@点赞", "@很好", "@不错", "@like"),
    joins=lambda name, rest: is_courtesy(rest) or (name in ("@好评", "@点赞") and rest[0] not in "的怎师率是太如"),
    signs=("👍", "[强]", "[赞]", "[ThumbsUp]"),
)
