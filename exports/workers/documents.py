"""Writes transcripts into files of the format wanted, each no larger than the channel takes."""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from exports.chunks import whole
from exports.formats import EPOCH, FORMAT_TRAITS
from exports.records import Transcript
from exports.workers.messages import Rendered, RenderFailed, RenderRequest, Response
from exports.workers.workdir import WorkDir
from exports.writers import csv, html, jsonl, markdown, text, training
from exports.writers.image_files import ImageFolder
from pipeline.exports import Format
from pipeline.text.i18n import Catalogue


def carry_out(order: RenderRequest) -> Response:
    """Run a request and return its response."""
    if order.format != "pdf":
        return make(order)
    return _print(order) if order.part else _bind(order)


def get_ready_for_pages() -> None:
    """Import what makes pages, which takes longer than many a page."""
    from exports.pdf import assemble, render  # noqa: F401, PLC0415 (see below)


def make(order: RenderRequest) -> Rendered:
    """Write documents of any format but pages."""
    work_dir = WorkDir(Path(order.folder))
    transcripts = whole(map(work_dir.part, work_dir.parts()))
    path = _out(work_dir) / f"{order.name}{FORMAT_TRAITS[order.format].suffix}"
    pictures = ImageFolder(work_dir.folder)
    files = _written(transcripts, Catalogue(order.language), pictures, order.format, path, order.limit)
    return Rendered(order.format, files)


def _print(order: RenderRequest) -> Response:
    # Imported here and above and below: the other formats do not need what makes pages.
    from exports.pdf.render import Incomplete, render_part  # noqa: PLC0415

    work_dir = WorkDir(Path(order.folder))
    part, pictures = work_dir.part(order.part), ImageFolder(work_dir.folder)
    try:
        data = render_part(part, Catalogue(order.language), pictures, engine=order.engine)
    except Incomplete as error:
        return RenderFailed(str(error), incomplete=True)
    pages = work_dir.pages(order.part)
    pages.write_bytes(data)
    return Rendered("pdf", (pages.name,))


def _bind(order: RenderRequest) -> Rendered:
    from exports.pdf import assemble  # noqa: PLC0415

    work_dir = WorkDir(Path(order.folder))
    printed = (work_dir.pages(part).read_bytes() for part in work_dir.parts())
    with assemble.assemble(printed, work_dir.heads(), Catalogue(order.language), work_dir.folder) as pages:
        files = assemble.save(pages, _out(work_dir) / f"{order.name}.pdf", limit=order.limit)
    return Rendered("pdf", tuple(file.name for file in files))


def _out(work_dir: WorkDir) -> Path:
    out = work_dir.folder / "out"
    out.mkdir(exist_ok=True)
    return out


def pieces(
    transcripts: Sequence[Transcript],
    catalogue: Catalogue,
    pictures: ImageFolder,
    format: Format,  # noqa: A002 (its name)
) -> Iterator[str]:
    """Return a document in pieces."""
    match format:
        case "md":
            yield from markdown.write(transcripts, catalogue)
        case "html":
            yield from html.write(transcripts, catalogue, pictures)
        case "txt":
            yield from text.write(transcripts, catalogue)
        case "csv":
            yield csv.head()
            for transcript in transcripts:
                yield from csv.lines(transcript)
        case "jsonl":
            for transcript in transcripts:
                yield from jsonl.lines(transcript)
        case "finetune":
            for transcript in transcripts:
                yield from training.finetune(transcript)
        case "sharegpt":
            for transcript in transcripts:
                yield from training.sharegpt(transcript)
        case "pdf":
            raise ValueError("pages are not made in pieces")


def _written(
    transcripts: Sequence[Transcript],
    catalogue: Catalogue,
    pictures: ImageFolder,
    format: Format,  # noqa: A002 (its name)
    path: Path,
    limit: int,
) -> tuple[str, ...]:
    """Write a document, packed if it is too large, in halves if it is too large even then."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces(transcripts, catalogue, pictures, format))
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
        for name in _written(half, catalogue, pictures, format, path.with_stem(f"{path.stem}-{number}"), limit)
    )


def _beside(transcripts: Sequence[Transcript], pictures: ImageFolder) -> list[Path]:
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
