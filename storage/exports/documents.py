"""Writes transcripts into files of the format wanted, each no larger than the channel takes."""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.exports import Format
from pipeline.words import Words
from storage.exports import csv, finetune, html, jsonl, markdown, sharegpt, text
from storage.exports.formats import TRAITS
from storage.exports.orders import Rendered, RenderOrder
from storage.exports.pictures import Pictures
from storage.exports.records import TRANSCRIPTS, Transcript

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: the same data gives the same bytes."""


def make(order: RenderOrder) -> Rendered:
    """Carry an order out; pages that cannot be made whole become a web page."""
    folder = Path(order.folder)
    transcripts = TRANSCRIPTS.validate_json((folder / "transcripts.json").read_bytes())
    pictures = Pictures(folder)
    words = Words(order.language)
    out = folder / "out"
    out.mkdir()
    path = out / f"{order.name}{TRAITS[order.format].suffix}"
    if order.format != "pdf":
        return Rendered(order.format, _written(transcripts, words, pictures, order.format, path, order.limit))
    # Imported here: the other formats do not need what makes pages.
    from storage.exports import book  # noqa: PLC0415

    try:
        with book.bind(transcripts, words, pictures, engine=order.engine) as pages:
            return Rendered("pdf", tuple(file.name for file in book.save(pages, path, limit=order.limit)))
    except book.Incomplete as error:
        files = _written(transcripts, words, pictures, "html", path.with_suffix(".html"), order.limit)
        return Rendered("html", files, plainer=str(error))


def pieces(transcripts: Sequence[Transcript], words: Words, pictures: Pictures, format: Format) -> Iterator[str]:  # noqa: A002 (its name)
    """Give a document in pieces."""
    match format:
        case "md":
            yield from markdown.write(transcripts, words)
        case "html":
            yield from html.write(transcripts, words, pictures)
        case "txt":
            yield from text.write(transcripts, words)
        case "csv":
            yield csv.head()
            for transcript in transcripts:
                yield from csv.lines(transcript)
        case "jsonl":
            for transcript in transcripts:
                yield from jsonl.lines(transcript)
        case "finetune":
            for transcript in transcripts:
                yield from finetune.lines(transcript)
        case "sharegpt":
            for transcript in transcripts:
                yield from sharegpt.lines(transcript)
        case "pdf":
            raise ValueError("pages are not made in pieces")


def _written(
    transcripts: Sequence[Transcript],
    words: Words,
    pictures: Pictures,
    format: Format,  # noqa: A002 (its name)
    path: Path,
    limit: int,
) -> tuple[str, ...]:
    """Write a document, packed if it is too large, in halves if it is too large even then."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces(transcripts, words, pictures, format))
    beside = _beside(transcripts, pictures) if format == "md" else []
    if path.stat().st_size <= limit and not beside:
        return (path.name,)
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for source, name in [(path, path.name), *((picture, f"media/{picture.name}") for picture in beside)]:
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, source.read_bytes())
    path.unlink()
    halves = _halves(transcripts)
    if packed.stat().st_size <= limit or halves is None:
        return (packed.name,)
    packed.unlink()
    return tuple(
        name
        for number, half in enumerate(halves, 1)
        for name in _written(half, words, pictures, format, path.with_stem(f"{path.stem}-{number}"), limit)
    )


def _beside(transcripts: Sequence[Transcript], pictures: Pictures) -> list[Path]:
    found = [pictures.of(media) for transcript in transcripts for said in transcript.messages for media in said.media]
    return sorted({path for path in found if path is not None})


def _halves(transcripts: Sequence[Transcript]) -> tuple[Sequence[Transcript], Sequence[Transcript]] | None:
    if len(transcripts) > 1:
        middle = len(transcripts) // 2
        return transcripts[:middle], transcripts[middle:]
    said = transcripts[0].messages
    if len(said) < 2:  # noqa: PLR2004 (a half needs one)
        return None
    middle = len(said) // 2
    return (
        [replace(transcripts[0], messages=said[:middle])],
        [replace(transcripts[0], messages=said[middle:])],
    )
