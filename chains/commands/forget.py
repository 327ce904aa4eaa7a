"""`@forget` deletes everything of a person, once they have said so twice: the second time is an answer to the first."""

from datetime import UTC, datetime, timedelta

from chains.command import Command, CommandCall
from pipeline.answer import ForgetAsked, Forgotten, Outcome
from pipeline.text.folding import casefold_nfkc

_YES = frozenset({"yes", "confirm", "确认", "确定", "是"})
_MINUTES = 10
"""For how long a yes answers the question."""


async def run(order: CommandCall) -> Outcome:
    """Return what would go, or let it go."""
    if casefold_nfkc(order.argument) in _YES and await _was_asked(order):
        return order.reply("forget.done", Forgotten())
    return order.reply("forget.sure", ForgetAsked(), minutes=_MINUTES)


async def _was_asked(order: CommandCall) -> bool:
    known = await order.context.memory.load(order.ask.event.sender, turns=0, idle_minutes=0)
    asked = known.forget_asked_at
    return asked is not None and datetime.now(UTC) - asked < timedelta(minutes=_MINUTES)


COMMAND = Command(
    name="@forget",
    aliases=("@忘记我", "@删除记录"),
    summary="forget.summary",
    run=run,
)
