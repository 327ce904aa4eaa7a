"""Draws pictures: by the model of `[models.image]` over the OpenAI images API, or by the built-in demo."""

import asyncio
import binascii
import re
import time
from dataclasses import dataclass
from typing import Protocol

from chains.media.demo_image import landscape
from chains.media.safe_fetch import SafeFetcher
from chains.models.errors import to_answer_failed
from chains.models.openai.answers import DrawnAnswer, read_drawn
from chains.models.openai.openai_media import OpenAIMedia
from chains.models.prices import took_of
from pipeline.answer import TokenUsage
from pipeline.errors import AnswerFailed, Unreadable
from pipeline.ports import ImageStore
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Sentence
from pipeline.text.unicode import wellformed

MOST = 4000
"""Characters a description may have; the least that providers take."""

NAME = "picture"

LEAST_SIDE, MOST_SIDE = 64, 8192
MOST_PIXELS = 24_000_000
"""Pixels of the largest picture that may be asked for: as many as are shown to a model and sent."""

_SIZE = re.compile(r"([1-9]\d{1,4})\s*[xX×*＊✕]\s*([1-9]\d{1,4})")
# What a table says for itself or for us; everything else is the provider's, and reaches it as it is.
_OURS = frozenset({"size", "quality"})
_OWN_REASONS = {
    "model.filtered": "image.filtered",
    "model.too_long": "image.too_long",
    "model.empty": "image.empty",
}


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """A picture with how it came to be."""

    media: StoredMedia
    usage: TokenUsage
    milliseconds: int


class ImageGenerator(Protocol):
    """What generates images."""

    @property
    def demo(self) -> bool:
        """Whether it only plays at drawing."""

    async def generate(self, description: str, *, size: str = "") -> GeneratedImage:
        """Draw a picture; an empty `size` is the settings' own. Raises `AnswerFailed`."""


def read_size(words: str) -> str:
    """Read a size such as 1024x1536, however the sign between its numbers is typed; empty if it is none."""
    found = _SIZE.fullmatch(words.strip())
    return f"{found[1]}x{found[2]}" if found else ""


def is_possible(size: str) -> bool:
    """Whether a picture of a size, as `read_size` gives it, may be asked for; the empty one may."""
    if not size:
        return True
    width, height = map(int, size.split("x"))
    return all(LEAST_SIDE <= side <= MOST_SIDE for side in (width, height)) and width * height <= MOST_PIXELS


class OpenAIImageGenerator:
    """Implements `ImageGenerator` over the OpenAI images API."""

    demo = False

    def __init__(self, media: OpenAIMedia, *, pictures: ImageStore, fetcher: SafeFetcher) -> None:
        self._media = media
        self._pictures = pictures
        self._fetcher = fetcher

    async def generate(self, description: str, *, size: str = "") -> GeneratedImage:
        """Implement `ImageGenerator.generate`."""
        began = time.perf_counter()
        own = self._media.table.own
        asked = {
            "model": self._media.table.model,
            "prompt": wellformed(description),
            "n": 1,
            "size": size or own.get("size", ""),
            "quality": own.get("quality", ""),
            **{key: value for key, value in own.items() if key not in _OURS},
        }
        try:
            raw = await self._media.post(
                "/images/generations", {key: value for key, value in asked.items() if value != ""}
            )
            answer = await asyncio.to_thread(read_drawn, raw)
        except binascii.Error as error:
            raise self._failed(Sentence("reason.no_base64"), "model.garbled") from error
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            failed = to_answer_failed(error, model=self._media.name)
            raise AnswerFailed(failed.args[0], reason=_OWN_REASONS.get(failed.reason, failed.reason)) from None
        data = await self._data(answer)
        try:
            kept = await self._pictures.keep(data, name=NAME)
        except Unreadable as error:
            raise self._failed(error.args[0], "image.unreadable") from error
        return GeneratedImage(
            kept, took_of(self._media.table, answer.fields), round((time.perf_counter() - began) * 1000)
        )

    async def _data(self, answer: DrawnAnswer) -> bytes:
        if answer.data is not None:
            return answer.data
        if answer.url:
            try:
                return await self._fetcher.fetch(answer.url, trusted=self._media.base_url)
            except Unreadable as error:
                raise self._failed(error.args[0], "image.unreadable") from error
        raise self._failed(Sentence("reason.no_picture"), "image.empty")

    def _failed(self, said: str, reason: str) -> AnswerFailed:
        return AnswerFailed(Sentence("reason.of_model", model=self._media.name, said=said), reason=reason)


class DemoImageGenerator:
    """Implements `ImageGenerator` without a model: a landscape that a description always leads to."""

    demo = True

    def __init__(self, pictures: ImageStore) -> None:
        self._pictures = pictures

    async def generate(self, description: str, *, size: str = "") -> GeneratedImage:
        """Implement `ImageGenerator.generate`."""
        began = time.perf_counter()
        data = await landscape(description, size=size)
        kept = await self._pictures.keep(data, name=NAME)
        return GeneratedImage(kept, TokenUsage("demo", 0, 0, 0), round((time.perf_counter() - began) * 1000))


class NullImageGenerator:
    """Implements `ImageGenerator` for trials.

    The model goes on as if there were a picture, and none is drawn or paid.
    """

    demo = False

    async def generate(self, description: str, *, size: str = "") -> GeneratedImage:  # noqa: ARG002 - the protocol's own signature
        """Implement `ImageGenerator.generate`."""
        return GeneratedImage(StoredMedia("", "", NAME, 0), TokenUsage("", 0, 0, 0), 0)
