"""`@bad WHY` finds fault with the latest answer: whoever writes the chain that gave it can read why."""

from chains.command import Command, CommandCall
from pipeline.answer import Outcome, Rated
from pipeline.text.command_line import is_courtesy
from pipeline.text.unicode import wellformed


async def run(order: CommandCall) -> Outcome:
    """Keep the fault found and why, ask why, or say that there is nothing to judge yet."""
    if not await order.context.memory.answered(order.ask.event.chat, order.ask.event.sender):
        return order.reply("rating.nothing")
    why = wellformed(order.argument)
    return order.reply("rating.bad" if why else "rating.bad_why", Rated(good=False, why=why))


# As stickers come from WeCom's own keyboard: as words in brackets.
COMMAND = Command(
    name="@bad",
    aliases=("@差评", "@踩", "@👎"),
    summary="rating.bad_summary",
    usage="rating.usage",
    order=21,
    run=run,
    synonyms=("@点踩", "@不满意", "@答错了", "@dislike"),
    joins=lambda name, rest: (
        is_courtesy(rest) or (name in ("@差评", "@点踩", "@bad") and rest[0] not in "的怎师君率是太")
    ),
    signs=("👎", "[弱]", "[踩]", "[ThumbsDown]"),
)
