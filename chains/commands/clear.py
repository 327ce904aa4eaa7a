"""`@clear` begins afresh: the model sees nothing of what was said, which stays for export."""

from chains.command import Command, CommandCall
from pipeline.answer import ConversationClosed, Outcome


async def run(order: CommandCall) -> Outcome:
    """Close the conversation and, with it, the persona."""
    return order.reply("clear.done", ConversationClosed())


COMMAND = Command(
    name="@clear",
    aliases=("@清除", "@清空", "@清除上下文"),
    summary="clear.summary",
    order=1,
    run=run,
    synonyms=(
        "@重置",
        "@重置对话",
        "@重置上下文",
        "@重新开始",
        "@重来",
        "@重新来",
        "@重新聊",
        "@从头来",
        "@从头开始",
        "@清理",
        "@清理上下文",
        "@清理对话",
        "@忘掉上文",
        "@忘掉前面的",
        "@开始新的对话",
        "@开新对话",
        "@开个新对话",
        "@开启新对话",
        "@新建会话",
        "@新聊天",
        "@新话题",
        "@换话题",
        "@聊点别的",
        "@清空上下文",
        "@清除对话",
        "@清空对话",
        "@清除记忆",
        "@清空记忆",
        "@清屏",
        "@新对话",
        "@新会话",
        "@新的对话",
        "@新建对话",
        "@开始新对话",
        "@换个话题",
        "@reset",
        "@restart",
        "@start over",
        "@new chat",
        "@new conversation",
        "@new topic",
        "@new",
        "@new-chat",
        "@newchat",
    ),
)
