"""`@image TEXT` will draw; until it can, it says so."""

from chains.command import Command, Means, Order
from pipeline.outcomes import Outcome


async def run(order: Order) -> Outcome:
    """Say that drawing is not to be had here."""
    return order.done("image.unavailable")


def offered(_: Means) -> bool:
    """Keep it out of the list as long as it cannot draw."""
    return False


COMMAND = Command(
    name="@image",
    aliases=("@画图", "@图片"),
    summary="image.summary",
    usage="image.usage",
    run=run,
    offered=offered,
)
