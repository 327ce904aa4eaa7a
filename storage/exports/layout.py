"""Lays out in a folder what a rendering process reads: it knows no database and no media store."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import Undeliverable
from pipeline.ports import MediaStore
from storage.exports.laid import LaidOut
from storage.exports.pictures import file_name
from storage.exports.records import Transcript


async def lay_out(folder: Path, transcripts: Sequence[Transcript], media: MediaStore) -> None:
    """Write the transcripts and their pictures; a picture that is gone is left out."""
    await asyncio.to_thread(LaidOut(folder).lay, transcripts)
    await lay_out_pictures(folder, transcripts, media)


async def lay_out_pictures(folder: Path, transcripts: Sequence[Transcript], media: MediaStore) -> list[str]:
    """Write the pictures; give their names."""
    shown = {each for transcript in transcripts for message in transcript.messages for each in message.media}
    written = []
    for each in sorted(shown, key=lambda one: one.sha256):
        if not (name := file_name(each)):
            continue
        try:
            data = await media.read(each)
        except Undeliverable:
            continue
        await asyncio.to_thread((folder / name).write_bytes, data)
        written.append(name)
    return written
