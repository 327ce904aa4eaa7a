"""`@prompt-set TEXT` chooses how webot behaves towards one person, from the next message on."""

from chains.command import DEFAULT, Command, Order
from chains.quoting import block
from pipeline.outcomes import Outcome, PersonaSet
from pipeline.text import wellformed

MOST = 4000
"""How many characters a persona may have."""


async def run(order: Order) -> Outcome:
    """Set the persona, set it back, or say what it is."""
    text = wellformed(order.argument)
    if not text:
        return await _current(order)
    if text.casefold() in DEFAULT:
        return order.done("persona.reset", PersonaSet(""))
    if len(text) > MOST:
        return order.done("persona.too_long", length=len(text), most=MOST)
    return order.done("persona.set", PersonaSet(text))


async def _current(order: Order) -> Outcome:
    means = order.means
    known = await means.memory.load(order.ask.event.sender, turns=0, idle_minutes=means.chat.idle_minutes)
    if not known.persona:
        return order.done("persona.none")
    return order.done("persona.current", persona=block(known.persona))


COMMAND = Command(
    name="@prompt-set",
    aliases=("@角色", "@设定", "@人设"),
    summary="persona.summary",
    usage="persona.usage",
    run=run,
)
