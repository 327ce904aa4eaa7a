"""The window of our transcript, as the messages a model reads."""

from collections.abc import Iterable, Mapping

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from pipeline.answer import Exchange
from pipeline.replies import StoredMedia

NO_IMAGES: Mapping[str, str] = {}


def build_messages(
    system_prompt: str,
    exchanges: Iterable[Exchange],
    question: str,
    *,
    pictures: Iterable[StoredMedia] = (),
    images: Mapping[str, str] = NO_IMAGES,
) -> list[BaseMessage]:
    """Return the system prompt, if there is one, the exchanges, oldest first, and the new question.

    `pictures` are the question's; of all pictures those are shown that `looks` has, by SHA-256 as base64 of a JPEG.
    """
    messages: list[BaseMessage] = [SystemMessage(system_prompt)] if system_prompt.strip() else []
    for exchange in exchanges:
        messages += (_asked(exchange.question, exchange.pictures, images), AIMessage(exchange.answer))
    messages.append(_asked(question, pictures, images))
    return messages


def _asked(question: str, pictures: Iterable[StoredMedia], images: Mapping[str, str]) -> HumanMessage:
    shown = [images[picture.sha256] for picture in pictures if picture.sha256 in images]
    if not shown:
        return HumanMessage(question)
    blocks: list[str | dict[str, str]] = [
        {"type": "image", "base64": picture, "mime_type": "image/jpeg"} for picture in shown
    ]
    return HumanMessage([*blocks, {"type": "text", "text": question}])
