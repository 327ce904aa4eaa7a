"""What stands at the head of a transcript, and beside each message: who, when, how it was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from exports.records import ConversationInfo, Head, Message
from pipeline.text.i18n import Catalogue

ASSISTANT = "webot"
"""How answers are signed."""


@dataclass(frozen=True, slots=True)
class DocumentHeader:
    """A transcript's head in words; `small_print` is what few readers need."""

    title: str
    lines: tuple[str, ...]
    small_print: str


def document_header(head: Head, catalogue: Catalogue) -> DocumentHeader:
    """Return what the head says."""
    conversation = head.conversation
    # An answer sent as a document belongs to no conversation by its number.
    key = "document.who" if conversation.number else "document.who_alone"
    lines = [
        catalogue.text(
            key, user=conversation.user, assistant=ASSISTANT, channel=conversation.channel, number=conversation.number
        ),
        catalogue.text("document.when", start=stamp(head.first), end=stamp(head.last), messages=head.messages),
    ]
    if conversation.persona:
        lines.append(catalogue.text("document.persona", persona=conversation.persona))
    made = ""
    if head.models or head.chains:
        made = catalogue.text("document.made", models=", ".join(head.models), chains=", ".join(head.chains))
    return DocumentHeader(_line(title(conversation, catalogue)), tuple(map(_line, lines)), _line(made))


def title(conversation: ConversationInfo, catalogue: Catalogue) -> str:
    """Name a conversation."""
    return conversation.title or catalogue.text("document.untitled", number=conversation.number)


def title_of_all(conversations: Sequence[ConversationInfo], catalogue: Catalogue) -> str:
    """Name a document of one conversation or several."""
    if len(conversations) == 1:
        return title(conversations[0], catalogue)
    return catalogue.text("document.several", conversations=len(conversations))


def speaker(conversation: ConversationInfo, message: Message) -> str:
    """Return who said it."""
    return _line(conversation.user) if message.role == "human" else ASSISTANT


def remarks(message: Message, catalogue: Catalogue) -> str:
    """Return that a question was spoken, or what was used for an answer and why it is not whole; empty for most."""
    lines = [catalogue.text("document.spoken")] if message.spoken else []
    if message.tools:
        lines.append(catalogue.text("document.tools", tools=_used(message, catalogue)))
    if message.cut:
        lines.append(catalogue.text(f"document.cut_{message.cut}"))
    return " · ".join(lines)


def _used(message: Message, catalogue: Catalogue) -> str:
    used = [
        catalogue.text(
            f"document.tool_{tool.outcome}",
            tool=" ".join(f"{tool.name} {tool.arguments}".split()),
            milliseconds=tool.milliseconds,
        )
        for tool in message.tools
    ]
    return " · ".join(used)


def stamp(at: float) -> str:
    """Write a time as this machine's clock on the wall shows it, to the minute."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _line(text: str) -> str:
    """Return a text in one line: user ids and names of models come from elsewhere and may hold line ends."""
    return " ".join(text.split())
