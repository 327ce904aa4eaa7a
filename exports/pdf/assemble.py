"""Assembles the rendered parts of a document: table of contents, bookmarks, page numbers."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pymupdf

from exports.pdf.typst_pdf import CONTENTS, render_contents
from exports.records import Head
from exports.writers.header import title_of_all
from exports.writers.image_files import ImageFolder
from pipeline.text.i18n import Catalogue

_GREY = (0.55, 0.58, 0.62)
_FOLIO = 8
"""Points of a page's number, which stands 26 points above the page's end."""


def assemble(parts: Iterable[bytes], heads: Sequence[Head], catalogue: Catalogue, folder: Path) -> pymupdf.Document:
    """Return the whole document."""
    document = pymupdf.open()
    marks: list[list[object]] = []
    for data in parts:
        with pymupdf.open(stream=data) as pages:
            marks += [[level, title, page + len(document)] for level, title, page in pages.get_toc()]
            document.insert_pdf(pages, final=1)
    bound = len(document)
    _contents(document, heads, [int(str(mark[2])) for mark in marks], catalogue, folder)
    front = len(document) - bound
    document.set_toc([[level, title, int(str(page)) + front] for level, title, page in marks])
    for place, page in enumerate(document, 1):
        folio = f"{place} / {len(document)}"
        left = (page.rect.width - pymupdf.get_text_length(folio, fontsize=_FOLIO)) / 2
        page.insert_text((left, page.rect.height - 26), folio, fontsize=_FOLIO, color=_GREY)
    when = datetime.fromtimestamp(max((head.conversation.last_at for head in heads), default=0.0), UTC).strftime(
        "D:%Y%m%d%H%M%SZ"
    )
    named = title_of_all([head.conversation for head in heads], catalogue)
    document.set_metadata({"title": named, "creator": "webot", "creationDate": when, "modDate": when})
    return document


def save(document: pymupdf.Document, path: Path, *, limit: int) -> list[Path]:
    """Write the document, in volumes if it is larger than `limit` bytes; the same document gives the same bytes."""
    _write(document, path)
    size = path.stat().st_size
    if size <= limit or len(document) == 1:
        return [path]
    path.unlink()
    volumes = min(len(document), size // limit + 1)
    written: list[Path] = []
    for volume in range(volumes):
        first, last = volume * len(document) // volumes, (volume + 1) * len(document) // volumes - 1
        with pymupdf.open() as pages:
            pages.insert_pdf(document, from_page=first, to_page=last)
            written += save(pages, path.with_stem(f"{path.stem}-{volume + 1}"), limit=limit)
    return written


def _write(document: pymupdf.Document, path: Path) -> None:
    # Not garbage=3: it holds each object against every other, which takes a minute for some thousands of pages.
    document.save(path, garbage=2, deflate=True, use_objstms=1, no_new_id=True)


def _contents(
    document: pymupdf.Document, heads: Sequence[Head], begins: Sequence[int], catalogue: Catalogue, folder: Path
) -> None:
    """Insert a table of contents before several conversations."""
    if len(heads) == 1:
        return
    with pymupdf.open(stream=render_contents(heads, begins, catalogue, ImageFolder(folder))) as pages:
        front = len(pages)
        lines = [
            (page.number, link["from"], begins[int(link["uri"].removeprefix(CONTENTS))] + front - 1)
            for page in pages
            for link in page.get_links()
        ]
        for page in pages:
            for link in page.get_links():
                page.delete_link(link)
        document.insert_pdf(pages, start_at=0)
    for place, line, target in lines:
        document[place].insert_link(
            {"kind": pymupdf.LINK_GOTO, "from": line, "page": target, "to": pymupdf.Point(0, 0)}
        )
