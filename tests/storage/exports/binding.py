"""Makes pages within this process, as the rendering processes do among them."""

from pathlib import Path

import pymupdf

from pipeline.settings import PdfEngine
from pipeline.words import Words
from storage.exports import book
from storage.exports.parts import Part, parts
from storage.exports.pictures import Pictures
from storage.exports.printing import print_part
from storage.exports.records import Transcript

_ZH = Words("zh")


def bound(folder: Path, *transcripts: Transcript, engine: PdfEngine = "auto") -> pymupdf.Document:
    folder.mkdir(exist_ok=True)
    printed = (print_part(part, _ZH, Pictures(folder), engine=engine) for part in parts(transcripts))
    return book.bind(printed, [each.head() for each in transcripts], _ZH, folder)


def together(*transcripts: Transcript) -> Part:
    (part,) = parts(transcripts, 10**6)
    return part
