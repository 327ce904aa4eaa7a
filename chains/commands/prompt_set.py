"""`@prompt-set TEXT` chooses how webot behaves towards one person, from the next message on."""

from chains.command import DEFAULT, Command, CommandCall
from pipeline.answer import Outcome, PersonaSet
from pipeline.text.escape import block_quote
from pipeline.text.unicode import wellformed

MOST = 4000
"""How many characters a persona may have."""


async def run(order: CommandCall) -> Outcome:
    """Set the persona, set it back, or say what it is."""
    text = wellformed(order.argument)
    if not text:
        return await _current(order)
    if text.casefold() in DEFAULT:
        return order.reply("persona.reset", PersonaSet(""))
    if len(text) > MOST:
        return order.reply("persona.too_long", length=len(text), most=MOST)
    return order.reply("persona.set", PersonaSet(text))


async def _current(order: CommandCall) -> Outcome:
    means = order.context
    known = await means.memory.load(order.ask.event.sender, turns=0, idle_minutes=means.chat.idle_minutes)
    if not known.persona:
        return order.reply("persona.none")
    return order.reply("persona.current", persona=block_quote(known.persona))


COMMAND = Command(
    name="@prompt-set",
    aliases=("@角色", "@设定", "@人设"),
    summary="persona.summary",
    usage="persona.usage",
    run=run,
)
