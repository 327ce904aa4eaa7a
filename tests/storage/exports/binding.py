"""Lays transcripts out and makes pages of them within this process, as the rendering processes do among them."""

from pathlib import Path

import pymupdf

from pipeline.settings import PdfEngine
from pipeline.text.i18n import Catalogue
from storage.exports import book
from storage.exports.laid import WorkDir, WorkDirWriter
from storage.exports.parts import RenderPart
from storage.exports.pictures import ImageFolder
from storage.exports.printing import render_part
from storage.exports.records import Transcript

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
    return book.assemble(printed, laid.heads(), _ZH, folder)


def together(*transcripts: Transcript) -> RenderPart:
    return RenderPart(transcripts, tuple(each.head() for each in transcripts))
