"""`@export` will hand out the conversation as a document; until it can, it says so."""

from chains.command import Command, Means, Order
from pipeline.outcomes import Outcome


async def run(order: Order) -> Outcome:
    """Say that exports are not to be had here."""
    return order.done("export.unavailable")


def offered(_: Means) -> bool:
    """Keep it out of the list as long as it cannot export."""
    return False


COMMAND = Command(
    name="@export",
    aliases=("@导出",),
    summary="export.summary",
    usage="export.usage",
    run=run,
    offered=offered,
)
