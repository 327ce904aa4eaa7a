"""Lays transcripts out and makes pages of them within this process, as the rendering processes do among them."""

from pathlib import Path

import pymupdf

from exports.chunks import RenderPart
from exports.pdf import assemble
from exports.pdf.render import render_part
from exports.records import Transcript
from exports.workers.workdir import WorkDir, WorkDirWriter
from exports.writers.image_files import ImageFolder
from pipeline.settings import PdfEngine
from pipeline.text.i18n import Catalogue

_ZH = Catalogue("zh")


def lay(folder: Path, *transcripts: Transcript) -> WorkDir:
    folder.mkdir(exist_ok=True)
    laying = WorkDirWriter(folder)
    for transcript in transcripts:
        laying.add(transcript)
    laying.finish()
    return WorkDir(folder)


def bound(folder: Path, *transcripts: Transcript, engine: PdfEngine = "auto") -> pymupdf.Document:
    laid = lay(folder, *transcripts)
    printed = (render_part(laid.part(name), _ZH, ImageFolder(folder), engine=engine) for name in laid.parts())
    return assemble.assemble(printed, laid.heads(), _ZH, folder)


def together(*transcripts: Transcript) -> RenderPart:
    return RenderPart(transcripts, tuple(each.head() for each in transcripts))
