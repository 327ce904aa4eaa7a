"""The text of a PDF, page by page; runs in a decoding process."""

import pymupdf

from pipeline.errors import Unreadable
from pipeline.text.i18n import Sentence

_MOST_PAGES = 2000


def load() -> None:
    """Read a page, so that all is imported that reading takes: a copy of the process opens no files."""
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "a")
        written = bytes(document.tobytes())
    pdf_pages(written, 1)


def pdf_pages(data: bytes, most: int) -> tuple[tuple[bytes, ...], int]:
    """Return the text of pages, as many as hold `most` characters, and how many pages there are.

    Raises `Unreadable` for what is no PDF, or one that asks for a password.
    """
    pymupdf.TOOLS.mupdf_display_errors(False)  # noqa: FBT003 -- it has no name
    try:
        document = pymupdf.open(stream=data, filetype="pdf")
        if document.needs_pass:
            raise Unreadable(Sentence("reason.pdf_password"))
        pages: list[bytes] = []
        room = most
        for number in range(min(document.page_count, _MOST_PAGES)):
            text = str(document[number].get_text())
            pages.append(text[: room + 1].encode("utf-8", "replace"))
            room -= len(text)
            if room < 0:
                break
        return tuple(pages), document.page_count
    except (RuntimeError, ValueError, IndexError) as error:
        raise Unreadable(Sentence("reason.pdf_broken", kind=type(error).__name__)) from None
