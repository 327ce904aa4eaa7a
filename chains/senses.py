"""What the chains can do beside reading and writing: draw, see, listen and speak; nothing where nobody can."""

from dataclasses import dataclass, field

from chains.demo import NAME as DEMO
from chains.drawing import DemoPainter, ModelPainter, Painter, PretendedPainter
from chains.fetching import Fetcher
from chains.openai_media import OpenAIMedia
from chains.speech import Listener, Speaker
from pipeline.ports import AudioStore, ImageStore
from pipeline.settings import ModelTable, Settings

IMAGE = "image"
SPEECH = "speech"


@dataclass(frozen=True, slots=True)
class Senses:
    """The abilities of one deployment."""

    painter: Painter | None = None
    pictures: ImageStore | None = None
    """Makes pictures small enough for a model to look at."""
    listener: Listener | None = None
    speaker: Speaker | None = None
    _media: tuple[OpenAIMedia, ...] = ()
    _fetcher: Fetcher = field(default_factory=Fetcher)

    async def aclose(self) -> None:
        """Close every connection."""
        for media in self._media:
            await media.aclose()
        await self._fetcher.aclose()


def open_senses(
    settings: Settings, *, demo: bool, pictures: ImageStore | None = None, sounds: AudioStore | None = None
) -> Senses:
    """Build the abilities the settings allow; `demo` is whether the built-in model answers, which then also draws."""
    proxy = settings.network.proxy.get_secret_value()
    fetcher = Fetcher(proxy=proxy)
    image = _configured(settings, IMAGE, proxy)
    painter: Painter | None = None
    if pictures is not None and image is not None:
        painter = ModelPainter(image, pictures=pictures, fetcher=fetcher)
    elif pictures is not None and (demo or settings.models.get(IMAGE, ModelTable()).provider == DEMO):
        painter = DemoPainter(pictures)
    speech = _configured(settings, SPEECH, proxy)
    listener = speaker = None
    if speech is not None and sounds is not None:
        listener = Listener(speech, sounds)
        speaker = Speaker(speech, sounds) if speech.table.own.get("speaking_model") else None
    return Senses(painter, pictures, listener, speaker, tuple(filter(None, (image, speech))), fetcher)


def pretended_senses(settings: Settings) -> Senses:
    """Give what a trial may do: the same tools as in the service, but pictures are not drawn, so not paid either."""
    return Senses(PretendedPainter() if _configured(settings, IMAGE, proxy="") is not None else None)


def _configured(settings: Settings, name: str, proxy: str) -> OpenAIMedia | None:
    table = settings.models.get(name, ModelTable())
    if table.provider == DEMO or not (table.api_key.get_secret_value() or table.base_url):
        return None
    return OpenAIMedia(name, table, proxy=proxy)
