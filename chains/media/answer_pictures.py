"""Pictures that a model put beside its words, or into them, kept as if they had been drawn."""

import structlog

from chains.media.image_generation import NAME, GeneratedImage
from chains.media.safe_fetch import SafeFetcher
from chains.models.response import ModelResponse
from pipeline.answer import TokenUsage
from pipeline.errors import WebotError
from pipeline.ports import ImageStore

log = structlog.get_logger()

MOST = 4
"""How many pictures of one answer are sent."""


async def keep_pictures(
    response: ModelResponse, images: ImageStore, fetcher: SafeFetcher, *, model: str
) -> tuple[GeneratedImage, ...]:
    """Return the pictures of an answer, stored; one that cannot be read is left out with a line in the log."""
    kept: list[GeneratedImage] = []
    for address in response.pictures[:MOST]:
        try:
            media = await images.keep(await fetcher.fetch(address), name=NAME)
        except WebotError as error:
            log.warning("answer_picture_lost", model=model, error=str(error))
            continue
        # What it took is part of the answer's own tokens.
        kept.append(GeneratedImage(media, TokenUsage(response.model or model, 0, 0, 0), 0))
    return tuple(kept)
