"""Renders a part as pages, and verifies them; another engine sets what one has lost."""

from collections.abc import Callable, Mapping

import pymupdf

from exports.chunks import RenderPart
from exports.pdf import typst_pdf
from exports.pdf.fonts import shown, shown_by_mupdf
from exports.pdf.verify import Shown, missing_messages
from exports.writers.image_files import ImageFolder
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Catalogue

Render = Callable[[RenderPart, Catalogue, ImageFolder], bytes]
"""Gives the pages as PDF."""


class Incomplete(Exception):
    """No engine has set every message whole."""


def render_part(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder, *, engine: PdfEngine) -> bytes:
    """Return the part as PDF. Raises `Incomplete` rather than leave a message out."""
    failed: list[str] = []
    for name, (render, engine_shows) in _engines(engine).items():
        try:
            data = render(part, catalogue, pictures)
        except Exception as error:  # noqa: BLE001 (the edge of a step: whatever an engine dies of, there is another)
            failed.append(f"{name}: {type(error).__name__}")
            continue
        with pymupdf.open(stream=data) as pages:
            missing = missing_messages(pages, part, engine_shows=engine_shows)
        # MuPDF keeps what it once took.
        pymupdf.TOOLS.store_shrink(100)
        if not missing:
            return data
        failed.append(f"{name}: lost {len(missing)} messages")
    raise Incomplete(", ".join(failed))


def _engines(engine: PdfEngine) -> Mapping[str, tuple[Render, Shown]]:
    typst, markdown_pdf = (typst_pdf.render, shown), (_markdown_pdf, shown_by_mupdf)
    match engine:
        case "markdown-pdf":
            return {"markdown-pdf": markdown_pdf}
        case "typst":
            return {"typst": typst}
        case "auto":
            return {"typst": typst, "markdown-pdf": markdown_pdf}


def _markdown_pdf(part: RenderPart, catalogue: Catalogue, pictures: ImageFolder) -> bytes:
    # Imported when it is needed, which is seldom.
    from exports.pdf import markdown_pdf  # noqa: PLC0415

    return markdown_pdf.render(part, catalogue, pictures)
