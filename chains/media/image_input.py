"""Image input: images kept until a question about them, and encoded for a model with vision.

People send a picture and then write what they want to know. So a picture alone is taken in and confirmed at once,
and the next message, if it comes soon enough by the channel's own clock, takes it along.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from chains.media.services import MediaServices
from pipeline.answer import Exchange, ImageReceived, Outcome
from pipeline.errors import TooLarge, Undeliverable, Unreadable
from pipeline.ports import AnswerRequest, ConversationStore, ImageStore
from pipeline.replies import StoredMedia, TextReply
from pipeline.settings import Chat
from pipeline.text.i18n import Catalogue

log = structlog.get_logger()

MOST_EARLIER = 4
"""How many pictures of earlier messages a model is shown again, the latest ones; each costs as much as a page."""

EncodedImages = dict[str, str]
"""What a model is shown: for a picture's SHA-256 its JPEG in base64."""


@dataclass(frozen=True, slots=True)
class ImageIntake:
    """Takes in pictures that come alone."""

    chat: Chat
    memory: ConversationStore
    media_services: MediaServices
    catalogue: Catalogue

    async def take(self, ask: AnswerRequest, media_id: str, *, sees: bool) -> Outcome | StoredMedia:
        """Store a picture; returns a sentence about it, or the picture if it is to be answered by itself.

        `sees` is whether the model that will be asked can look at it.
        """
        pictures = self.media_services.images
        if pictures is None or not sees:
            return self._reply("picture.blind")
        try:
            picture = await ask.fetch(media_id)
            await pictures.thumbnail(picture)
        except Undeliverable:
            return self._reply("picture.gone")
        except TooLarge as error:
            return self._reply("picture.too_large", most=error.most)
        except Unreadable:
            return self._reply("picture.unreadable")
        if not self.chat.picture_seconds:
            return picture
        came = ImageReceived(picture, ask.event.sent_at)
        known = await self.memory.load(ask.event.chat, turns=0, idle_minutes=self.chat.idle_minutes)
        waiting = len(recent_images(known.pictures, ask.event.sent_at, self.chat.picture_seconds)) + 1
        sentence = "picture.taken" if waiting == 1 else "picture.taken_more"
        return Outcome((TextReply(self.catalogue.text(sentence, count=waiting)),), (came,))

    def _reply(self, sentence: str, **blanks: object) -> Outcome:
        return Outcome((TextReply(self.catalogue.text(sentence, **blanks)),))


def recent_images(waiting: Iterable[ImageReceived], at: datetime, seconds: float) -> tuple[StoredMedia, ...]:
    """Return the pictures that a message of some time is about; each once."""
    since = at - timedelta(seconds=seconds)
    return tuple(dict.fromkeys(came.media for came in waiting if came.sent_at >= since))


async def encode_images(
    pictures: ImageStore, asked_about: Sequence[StoredMedia], earlier: Sequence[Exchange]
) -> EncodedImages:
    """Return what a model is shown: the pictures asked about, and the latest before; what is gone is left out."""
    before = [picture for exchange in earlier for picture in exchange.pictures]
    images: EncodedImages = {}
    for picture in dict.fromkeys((*before[-MOST_EARLIER:], *asked_about)):
        try:
            images[picture.sha256] = base64.b64encode(await pictures.thumbnail(picture)).decode("ascii")
        except (Undeliverable, Unreadable) as error:
            log.info("picture_not_shown", error=type(error).__name__)
    return images
