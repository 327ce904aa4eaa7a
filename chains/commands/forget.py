"""`@forget` deletes everything of a person, once they have said so twice: the second time is an answer to the first."""

from datetime import UTC, datetime, timedelta

from chains.command import Command, Order
from chains.folding import folded
from pipeline.outcomes import ForgetAsked, Forgotten, Outcome

_YES = frozenset({"yes", "confirm", "确认", "确定", "是"})
_MINUTES = 10
"""For how long a yes answers the question."""


async def run(order: Order) -> Outcome:
    """Say what would go, or let it go."""
    if folded(order.argument) in _YES and await _was_asked(order):
        return order.done("forget.done", Forgotten())
    return order.done("forget.sure", ForgetAsked(), minutes=_MINUTES)


async def _was_asked(order: Order) -> bool:
    known = await order.means.memory.load(order.ask.event.sender, turns=0, idle_minutes=0)
    asked = known.forget_asked_at
    return asked is not None and datetime.now(UTC) - asked < timedelta(minutes=_MINUTES)


COMMAND = Command(
    name="@forget",
    aliases=("@忘记我", "@删除记录"),
    summary="forget.summary",
    run=run,
)
