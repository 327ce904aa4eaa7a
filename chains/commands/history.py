"""`@history` lists a person's conversations by the number each keeps."""

from chains.command import Command, Order
from chains.quoting import quoted
from pipeline.outcomes import Conversation, Outcome
from pipeline.words import Catalogue

MOST = 20
"""How many conversations one list shows."""

_TITLE = 30


async def run(order: Order) -> Outcome:
    """Answer with the list, newest first."""
    words = order.means.words
    found = await order.means.memory.conversations(order.ask.event.sender, limit=MOST)
    if not found:
        return order.done("history.none")
    return order.done("history.all", conversations="\n".join(_line(conversation, words) for conversation in found))


def _line(conversation: Conversation, words: Catalogue) -> str:
    return words.text(
        "history.line",
        number=conversation.number,
        started=conversation.started_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        title=quoted(conversation.title, most=_TITLE) or words.text("history.untitled"),
        turns=conversation.exchange_count,
    )


COMMAND = Command(name="@history", aliases=("@历史", "@历史记录"), summary="history.summary", run=run)
