"""`@clear` begins afresh: the model sees nothing of what was said, which stays for export."""

from chains.command import Command, CommandCall
from pipeline.answer import ConversationClosed, Outcome


async def run(order: CommandCall) -> Outcome:
    """Close the conversation and, with it, the persona."""
    return order.reply("clear.done", ConversationClosed())


COMMAND = Command(name="@clear", aliases=("@清除", "@清空", "@清除上下文"), summary="clear.summary", run=run)
