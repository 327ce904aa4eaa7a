"""`@forget` deletes everything of a person, once they have said so twice."""

from chains.command import Command, Order
from chains.folding import folded
from pipeline.outcomes import Forgotten, Outcome

_YES = frozenset({"yes", "confirm", "确认", "确定", "是"})


async def run(order: Order) -> Outcome:
    """Say what would go, or let it go."""
    if folded(order.argument) in _YES:
        return order.done("forget.done", Forgotten())
    return order.done("forget.sure")


COMMAND = Command(
    name="@forget",
    aliases=("@忘记我", "@删除记录"),
    summary="forget.summary",
    run=run,
)
