"""Lays transcripts out and makes pages of them within this process, as the rendering processes do among them."""

from pathlib import Path

import pymupdf

from pipeline.settings import PdfEngine
from pipeline.words import Catalogue
from storage.exports import book
from storage.exports.laid import LaidOut, Laying
from storage.exports.parts import Part
from storage.exports.pictures import Pictures
from storage.exports.printing import print_part
from storage.exports.records import Transcript

_ZH = Catalogue("zh")


def lay(folder: Path, *transcripts: Transcript) -> LaidOut:
    folder.mkdir(exist_ok=True)
    laying = Laying(folder)
    for transcript in transcripts:
        laying.add(transcript)
    laying.finish()
    return LaidOut(folder)


def bound(folder: Path, *transcripts: Transcript, engine: PdfEngine = "auto") -> pymupdf.Document:
    laid = lay(folder, *transcripts)
    printed = (print_part(laid.part(name), _ZH, Pictures(folder), engine=engine) for name in laid.parts())
    return book.bind(printed, laid.heads(), _ZH, folder)


def together(*transcripts: Transcript) -> Part:
    return Part(transcripts, tuple(each.head() for each in transcripts))
