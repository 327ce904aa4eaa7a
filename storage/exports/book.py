"""Binds a PDF: renders parts, holds each against what it must contain, and puts contents and page numbers on."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pymupdf

from pipeline.settings import PdfEngine
from pipeline.words import Language, Words
from storage.exports import markdown_pdf
from storage.exports.check import lost
from storage.exports.facts import title_of_all
from storage.exports.parts import Part, parts
from storage.exports.pictures import Pictures
from storage.exports.records import Transcript

Render = Callable[[Part, Words, Pictures], pymupdf.Document]

_MESSAGES = 100
"""Messages of a part."""
_ALONE = 3
"""Parts for which starting other processes would cost more than it spares."""
_WORKERS = 4
_TASKS = 25
"""Parts after which a process makes room for a fresh one: MuPDF keeps what it once took."""
_GREY = (0.55, 0.58, 0.62)
_RIGHT = 48


class Incomplete(Exception):
    """No engine has set every message whole."""


def bind(transcripts: Sequence[Transcript], words: Words, pictures: Pictures, *, engine: PdfEngine) -> pymupdf.Document:
    """Give the whole document. Raises `Incomplete` rather than leave a message out."""
    book = pymupdf.open()
    marks: list[list[object]] = []
    orders = [_PartOrder(part, words.language, str(pictures.folder), engine) for part in parts(transcripts, _MESSAGES)]
    for data in _printed(orders):
        with pymupdf.open(stream=data) as pages:
            marks += [[level, title, page + len(book)] for level, title, page in pages.get_toc()]
            book.insert_pdf(pages, final=1)
    front = _contents(book, transcripts, [int(str(mark[2])) for mark in marks], words, pictures.folder)
    book.set_toc([[level, title, int(str(page)) + front] for level, title, page in marks])
    _number_pages(book)
    at = datetime.fromtimestamp(max((t.talk.last_at for t in transcripts), default=0.0), UTC)
    when = at.strftime("D:%Y%m%d%H%M%SZ")
    book.set_metadata(
        {"title": title_of_all(transcripts, words), "creator": "webot", "creationDate": when, "modDate": when}
    )
    return book


def save(book: pymupdf.Document, path: Path, *, limit: int) -> list[Path]:
    """Write the document, in volumes if it is larger than `limit` bytes; the same document gives the same bytes."""
    _write(book, path)
    size = path.stat().st_size
    if size <= limit or len(book) == 1:
        return [path]
    path.unlink()
    volumes = min(len(book), size // limit + 1)
    written: list[Path] = []
    for volume in range(volumes):
        first, last = volume * len(book) // volumes, (volume + 1) * len(book) // volumes - 1
        with pymupdf.open() as pages:
            pages.insert_pdf(book, from_page=first, to_page=last)
            written += save(pages, path.with_stem(f"{path.stem}-{volume + 1}"), limit=limit)
    return written


def _write(book: pymupdf.Document, path: Path) -> None:
    book.save(path, garbage=3, deflate=True, use_objstms=1, no_new_id=True)


@dataclass(frozen=True, slots=True)
class _PartOrder:
    part: Part
    language: Language
    folder: str
    engine: PdfEngine


def _printed(orders: Sequence[_PartOrder]) -> Iterator[bytes]:
    """Give the parts as PDF, in their order; many of them are rendered on every core."""
    if len(orders) <= _ALONE:
        yield from map(_print, orders)
        return
    workers = min(len(orders), os.cpu_count() or 1, _WORKERS)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=_TASKS) as pool:
        yield from pool.map(_print, orders)


def _print(order: _PartOrder) -> bytes:
    with TemporaryDirectory(dir=order.folder) as own:
        # Each beside the pictures, not among them: two parts must not write the same file.
        folder = Path(own)
        for picture in Path(order.folder).iterdir():
            if picture.is_file():
                (folder / picture.name).symlink_to(picture)
        pages = _render(order.part, Words(order.language), Pictures(folder), order.engine)
    with pages:
        pages.subset_fonts()
        data: bytes = pages.tobytes(garbage=3, deflate=True)
    pymupdf.TOOLS.store_shrink(100)
    return data


def _render(part: Part, words: Words, pictures: Pictures, engine: PdfEngine) -> pymupdf.Document:
    failed: list[str] = []
    for name, render in _engines(engine).items():
        try:
            pages = render(part, words, pictures)
        except Exception as error:  # noqa: BLE001 (the edge of a step: whatever an engine dies of, there is another)
            failed.append(f"{name}: {type(error).__name__}")
            continue
        missing = lost(pages, part)
        if not missing:
            return pages
        failed.append(f"{name}: lost {len(missing)} messages")
    raise Incomplete(", ".join(failed))


def _engines(engine: PdfEngine) -> Mapping[str, Render]:
    match engine:
        case "markdown-pdf":
            return {"markdown-pdf": markdown_pdf.render}
        case "typst":
            return {"typst": _typst}
        case "auto":
            return {"markdown-pdf": markdown_pdf.render, "typst": _typst}


def _typst(part: Part, words: Words, pictures: Pictures) -> pymupdf.Document:
    # Imported when it is needed, which is seldom.
    from storage.exports import typst_pdf  # noqa: PLC0415

    return typst_pdf.render(part, words, pictures)


def _contents(
    book: pymupdf.Document, transcripts: Sequence[Transcript], begins: Sequence[int], words: Words, folder: Path
) -> int:
    """Put a table of contents before several conversations; give how many pages it takes."""
    if len(transcripts) == 1:
        return 0
    pages, places = markdown_pdf.render_contents(transcripts, words, folder)
    pages.subset_fonts()
    front = len(pages)
    book.insert_pdf(pages, start_at=0)
    for (place, foot), begin in zip(places, begins, strict=True):
        page = book[place]
        said = str(begin + front)
        right = page.rect.width - _RIGHT
        page.insert_text((right - pymupdf.get_text_length(said, fontsize=9), foot - 7), said, fontsize=9, color=_GREY)
        line = pymupdf.Rect(_RIGHT, foot - 20, right, foot - 2)
        page.insert_link(
            {"kind": pymupdf.LINK_GOTO, "from": line, "page": begin + front - 1, "to": pymupdf.Point(0, 0)}
        )
    return front


def _number_pages(book: pymupdf.Document) -> None:
    """Write `3 / 20` at the foot of each page."""
    for place, page in enumerate(book, 1):
        said = f"{place} / {len(book)}"
        width = pymupdf.get_text_length(said, fontsize=8)
        page.insert_text(((page.rect.width - width) / 2, page.rect.height - 24), said, fontsize=8, color=_GREY)
