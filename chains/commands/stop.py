"""`@stop` ends the answer being made, and does not wait in line for it."""

from chains.command import Command, CommandCall
from pipeline.answer import Outcome


async def run(order: CommandCall) -> Outcome:
    """End the person's running turn, if there is one."""
    stopped = await order.context.stopper.stop(order.ask.event.chat)
    return order.reply("stop.done" if stopped else "stop.nothing")


COMMAND = Command(
    name="@stop",
    aliases=("@停止", "@停"),
    summary="stop.summary",
    order=5,
    run=run,
    urgent=True,
    synonyms=(
        "@停下",
        "@停下来",
        "@停停停",
        "@先停",
        "@停止输出",
        "@够了",
        "@可以了",
        "@算了",
        "@别写了",
        "@别再说了",
        "@不用说了",
        "@不要写了",
        "@不要再说了",
        "@闭嘴",
        "@停止生成",
        "@停止回答",
        "@别说了",
        "@不要说了",
        "@打住",
        "@取消",
        "@中止",
        "@终止",
        "@cancel",
        "@abort",
        "@halt",
        "@enough",
        "@that's enough",
    ),
)
