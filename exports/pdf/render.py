"""Prints a part as pages, and holds them against what they must contain; another engine sets what one has lost."""

from collections.abc import Callable, Collection, Mapping

import pymupdf

from exports.chunks import RenderPart
from exports.pdf import markdown_pdf
from exports.pdf.verify import missing_messages
from exports.writers.image_files import ImageFolder
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Catalogue

Render = Callable[[RenderPart, Catalogue, ImageFolder], tuple[pymupdf.Document, Collection[int]]]
"""Gives pages, read back, and the numbers of the messages that are not whole in them."""


class Incomplete(Exception):
    """No engine has set every message whole."""


def render_part(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder, *, engine: PdfEngine) -> bytes:
    """Return the part as PDF. Raises `Incomplete` rather than leave a message out."""
    with _render(part, catalogue, pictures, engine) as pages:
        pages.subset_fonts()
        data: bytes = pages.tobytes(garbage=3, deflate=True)
    # MuPDF keeps what it once took.
    pymupdf.TOOLS.store_shrink(100)
    return data


def _render(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder, engine: PdfEngine) -> pymupdf.Document:
    failed: list[str] = []
    for name, render in _engines(engine).items():
        try:
            pages, missing = render(part, catalogue, pictures)
        except Exception as error:  # noqa: BLE001 (the edge of a step: whatever an engine dies of, there is another)
            failed.append(f"{name}: {type(error).__name__}")
            continue
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


def _typst(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder) -> tuple[pymupdf.Document, Collection[int]]:
    # Imported when it is needed, which is seldom.
    from exports.pdf import typst_pdf  # noqa: PLC0415

    pages = typst_pdf.render(part, catalogue, pictures)
    return pages, missing_messages(pages, part)
