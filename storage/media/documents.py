"""Documents that people send, as text: text files by their characters, PDFs by page, in a process of their own."""

import asyncio
import codecs

from pipeline.errors import TooLarge, Unreadable
from pipeline.ports import DocumentText
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Sentence
from storage.media.decoder import Decoder
from storage.media.decoder_jobs import Job
from storage.media.files import MediaFolder

LARGEST_TEXT = 20 * 1024 * 1024
"""Bytes of a text file that is read; its beginning is what a model is shown."""

_PDF = b"%PDF-"
_PDF_STARTS = 1024
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r\f\x1b")) + b"\x7f"
_MEGABYTE = 1024 * 1024


class StoredDocuments:
    """Implements `pipeline.ports.DocumentReader` over the media folder."""

    def __init__(self, media: MediaFolder, *, decoder: Decoder | None = None) -> None:
        self._media = media
        self._decoder = decoder or Decoder()

    async def text_of(self, media: StoredMedia, *, most: int) -> DocumentText:
        """Implement `DocumentReader.text_of`."""
        data = await self._media.read(media)
        if _PDF in data[:_PDF_STARTS]:
            made = await self._decoder.make(Job("read pdf", most), data)
            pages = tuple(page.decode() for page in made.files)
            return DocumentText(pages, page_count=int(made.format), is_paged=True)
        if len(data) > LARGEST_TEXT:
            raise TooLarge(Sentence("reason.text_large"), most=LARGEST_TEXT // _MEGABYTE)
        return DocumentText((await asyncio.to_thread(_text, data),), page_count=1)


def _text(data: bytes) -> str:
    """Return the characters of a text file. Raises `Unreadable` for bytes that are none."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding)
    if len(data) != len(data.translate(None, _CONTROLS)):
        raise Unreadable(Sentence("reason.no_text"))
    try:
        return data.decode()
    except UnicodeDecodeError:
        # What Windows writes in China; it has GBK and GB 2312 in it.
        return _decoded(data, "gb18030")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable(Sentence("reason.no_encoding", encoding=encoding)) from None
