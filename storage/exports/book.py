"""Binds a PDF: renders parts, holds each against what it must contain, and puts contents and page numbers on."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pymupdf

from pipeline.settings import PdfEngine
from pipeline.words import Language, Words
from storage.exports import markdown_pdf
from storage.exports.check import lost
from storage.exports.facts import title_of_all
from storage.exports.ink import Figure, Pen, width
from storage.exports.parts import Part, parts
from storage.exports.pictures import Pictures
from storage.exports.records import Transcript

Render = Callable[[Part, Words, Pictures], pymupdf.Document]

_MESSAGES = 100
"""Messages of a part."""
_ALONE = 3
"""Parts for which starting other processes would cost more than it spares."""
_WORKERS = 4
_PAPER = pymupdf.paper_rect("A4")
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
    bound = len(book)
    figures = _contents(book, transcripts, [int(str(mark[2])) for mark in marks], words, pictures.folder)
    front = len(book) - bound
    book.set_toc([[level, title, int(str(page)) + front] for level, title, page in marks])
    pen = Pen(book)
    for place, written in _figures(len(book), figures).items():
        pen.write(place, written)
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
    # Not garbage=3: it holds each object against every other, which takes a minute for some thousands of pages.
    book.save(path, garbage=2, deflate=True, use_objstms=1, no_new_id=True)


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
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_print, orders)


def _print(order: _PartOrder) -> bytes:
    pages = _render(order.part, Words(order.language), Pictures(Path(order.folder)), order.engine)
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
) -> list[tuple[int, Figure]]:
    """Put a table of contents before several conversations; give its figures, each with its page."""
    if len(transcripts) == 1:
        return []
    pages, places = markdown_pdf.render_contents(transcripts, words, folder)
    pages.subset_fonts()
    front = len(pages)
    book.insert_pdf(pages, start_at=0)
    right = _PAPER.width - _RIGHT
    figures: list[tuple[int, Figure]] = []
    for (place, foot), begin in zip(places, begins, strict=True):
        said = str(begin + front)
        figures.append((place, Figure(said, right - width(said, 9), _PAPER.height - foot + 7, 9)))
        line = pymupdf.Rect(_RIGHT, foot - 20, right, foot - 2)
        book[place].insert_link(
            {"kind": pymupdf.LINK_GOTO, "from": line, "page": begin + front - 1, "to": pymupdf.Point(0, 0)}
        )
    return figures


def _figures(pages: int, beside: Iterable[tuple[int, Figure]]) -> Mapping[int, Sequence[Figure]]:
    """Give what stands on each page: `3 / 20` at its foot, and what is `beside`."""
    written: dict[int, list[Figure]] = {}
    for place in range(pages):
        said = f"{place + 1} / {pages}"
        written[place] = [Figure(said, (_PAPER.width - width(said, 8)) / 2, 24, 8)]
    for place, figure in beside:
        written[place].append(figure)
    return written
