"""`@history` lists a person's conversations by the number each keeps."""

from chains.command import Command, CommandCall
from pipeline.answer import Conversation, Outcome
from pipeline.text.i18n import Catalogue
from pipeline.text.markdown.escape import escape_markdown

MOST = 20
"""How many conversations one list shows."""

_TITLE = 30


async def run(order: CommandCall) -> Outcome:
    """Answer with the list, newest first."""
    words = order.context.catalogue
    found = await order.context.memory.conversations(order.ask.event.chat, limit=MOST)
    if not found:
        return order.reply("history.none")
    return order.reply("history.all", conversations="\n".join(_line(conversation, words) for conversation in found))


def _line(conversation: Conversation, catalogue: Catalogue) -> str:
    return catalogue.text(
        "history.line",
        number=conversation.number,
        started=conversation.started_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        title=escape_markdown(conversation.title, most=_TITLE) or catalogue.text("history.untitled"),
        turns=conversation.exchange_count,
    )


COMMAND = Command(
    name="@history",
    aliases=("@历史", "@历史记录"),
    summary="history.summary",
    group="export",
    order=7,
    run=run,
    synonyms=(
        "@历史对话",
        "@历史消息",
        "@对话历史",
        "@对话记录",
        "@对话列表",
        "@聊天记录",
        "@聊天历史",
        "@我的对话",
        "@我的历史",
        "@查看历史",
        "@查看历史记录",
        "@chats",
        "@conversations",
    ),
)
