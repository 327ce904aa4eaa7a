"""`@history` lists a person's conversations by the number each keeps."""

import re

from chains.command import Command, CommandCall, joins_form
from pipeline.answer import Conversation, Outcome
from pipeline.text.i18n import Catalogue
from pipeline.text.markdown.escape import escape_markdown

MOST = 20
"""How many conversations one list shows."""

_TITLE = 30
_SOME = re.compile(r"(?:最近|前|第)?\d{1,3}[条个次段页]?(?:的?(?:对话|会话|聊天|记录))?|全部|所有|最近|列表")
"""What people call a part of the list by, which is shown as a whole: it is short. `@历史上的今天` is a question."""


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
        "@历史会话",
        "@历史消息",
        "@历史聊天",
        "@历史聊天记录",
        "@以前的对话",
        "@之前的对话",
        "@过去的对话",
        "@会话列表",
        "@会话记录",
        "@对话历史记录",
        "@聊天历史记录",
        "@对话历史",
        "@对话记录",
        "@对话列表",
        "@聊天记录",
        "@聊天历史",
        "@我的对话",
        "@我的历史",
        "@我的记录",
        "@我的聊天记录",
        "@chat history",
        "@past chats",
        "@chats",
        "@conversations",
    ),
    joins=joins_form(_SOME),
)
