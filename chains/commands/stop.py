"""`@stop` ends the answer being made, and does not wait in line for it."""

from chains.command import Command, Order
from pipeline.outcomes import Outcome


async def run(order: Order) -> Outcome:
    """End the person's running turn, if there is one."""
    stopped = await order.means.stopper.stop(order.ask.event.sender)
    return order.done("stop.done" if stopped else "stop.nothing")


COMMAND = Command(name="@stop", aliases=("@停止", "@停"), summary="stop.summary", run=run, urgent=True)
