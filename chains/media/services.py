"""The optional media services (image generation and input, speech in and out); None where not configured."""

from dataclasses import dataclass, field
from typing import Final

from chains.media.image_generation import DemoImageGenerator, ImageGenerator, NullImageGenerator, OpenAIImageGenerator
from chains.media.safe_fetch import SafeFetcher
from chains.media.speech import SpeechToText, TextToSpeech
from chains.models.demo import NAME as DEMO
from chains.models.openai.openai_media import OpenAIMedia
from pipeline.ports import AudioStore, DocumentReader, ImageStore
from pipeline.settings import ModelTable, Settings

IMAGE: Final = "image"
SPEECH: Final = "speech"


@dataclass(frozen=True, slots=True)
class MediaServices:
    """The abilities of one deployment."""

    image_generator: ImageGenerator | None = None
    images: ImageStore | None = None
    """Makes pictures small enough for a model to look at."""
    documents: DocumentReader | None = None
    """Reads the text of files."""
    speech_to_text: SpeechToText | None = None
    text_to_speech: TextToSpeech | None = None
    _media: tuple[OpenAIMedia, ...] = ()
    fetcher: SafeFetcher = field(default_factory=SafeFetcher)
    """Gets pictures from addresses that answers name."""

    async def aclose(self) -> None:
        """Close every connection."""
        for media in self._media:
            await media.aclose()
        await self.fetcher.aclose()


def open_media_services(
    settings: Settings,
    *,
    demo: bool,
    pictures: ImageStore | None = None,
    sounds: AudioStore | None = None,
    documents: DocumentReader | None = None,
) -> MediaServices:
    """Build the abilities the settings allow; `demo` is whether the built-in model answers, which then also draws."""
    proxy = settings.network.proxy.get_secret_value()
    fetcher = SafeFetcher(proxy=proxy)
    image = _configured(settings, IMAGE, proxy)
    generator: ImageGenerator | None = None
    if pictures is not None and image is not None:
        generator = OpenAIImageGenerator(image, pictures=pictures, fetcher=fetcher)
    elif pictures is not None and can_draw(settings, demo=demo):
        generator = DemoImageGenerator(pictures)
    speech = _configured(settings, SPEECH, proxy)
    listener = speaker = None
    if speech is not None and sounds is not None:
        listener = SpeechToText(speech, sounds)
        speaker = TextToSpeech(speech, sounds) if can_speak(settings) else None
    return MediaServices(
        generator, pictures, documents, listener, speaker, tuple(filter(None, (image, speech))), fetcher
    )


def trial_media_services(settings: Settings) -> MediaServices:
    """Return what a trial may do: the same tools as in the service, but pictures are not drawn, so not paid either."""
    return MediaServices(NullImageGenerator() if _configured(settings, IMAGE, proxy="") is not None else None)


def is_configured(settings: Settings, name: str) -> bool:
    """Whether the settings name a server for one of the media models, by a key or by an address."""
    table = settings.models.get(name, ModelTable())
    return table.provider != DEMO and bool(table.api_key.get_secret_value() or table.base_url)


def can_draw(settings: Settings, *, demo: bool) -> bool:
    """Whether pictures are drawn, be it by the built-in model; `demo` is whether that one answers."""
    return is_configured(settings, IMAGE) or demo or settings.models.get(IMAGE, ModelTable()).provider == DEMO


def can_speak(settings: Settings) -> bool:
    """Whether answers can be read aloud."""
    return is_configured(settings, SPEECH) and bool(settings.models[SPEECH].own.get("speaking_model"))


def _configured(settings: Settings, name: str, proxy: str) -> OpenAIMedia | None:
    return OpenAIMedia(name, settings.models[name], proxy=proxy) if is_configured(settings, name) else None
