"""What the chains can do beside reading and writing: draw, see, listen and speak; nothing where nobody can."""

from dataclasses import dataclass, field

from chains.drawing import DemoPainter, ModelPainter, Painter
from chains.fetching import Fetcher
from chains.openai_media import OpenAIMedia
from pipeline.ports import Pictures
from pipeline.settings import ModelTable, Settings

IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Senses:
    """The abilities of one deployment."""

    painter: Painter | None = None
    pictures: Pictures | None = None
    """Makes pictures small enough for a model to look at."""
    _media: tuple[OpenAIMedia, ...] = ()
    _fetcher: Fetcher = field(default_factory=Fetcher)

    async def aclose(self) -> None:
        """Close every connection."""
        for media in self._media:
            await media.aclose()
        await self._fetcher.aclose()


def open_senses(settings: Settings, *, demo: bool, pictures: Pictures | None = None) -> Senses:
    """Build the abilities the settings allow; `demo` is whether the built-in model answers, which then also draws."""
    if pictures is None:
        return Senses()
    proxy = settings.network.proxy.get_secret_value()
    fetcher = Fetcher(proxy=proxy)
    image = _configured(settings, IMAGE, proxy)
    painter: Painter | None = None
    if image is not None:
        painter = ModelPainter(image, pictures=pictures, fetcher=fetcher)
    elif demo:
        painter = DemoPainter(pictures)
    return Senses(painter, pictures, tuple(filter(None, (image,))), fetcher)


def _configured(settings: Settings, name: str, proxy: str) -> OpenAIMedia | None:
    table = settings.models.get(name, ModelTable())
    if not (table.api_key.get_secret_value() or table.base_url):
        return None
    return OpenAIMedia(name, table, proxy=proxy)
