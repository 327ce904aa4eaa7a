"""Lays out in a folder what a rendering process reads: it knows no database and no media store."""

import asyncio
from collections.abc import AsyncIterable, Sequence
from pathlib import Path

from exports.records import Head, Transcript
from exports.workers.workdir import WorkDirWriter
from exports.writers.image_files import file_name
from pipeline.errors import Undeliverable
from pipeline.ports import MediaStore


async def write_work_dir(folder: Path, pieces: AsyncIterable[Transcript], media: MediaStore) -> Sequence[Head]:
    """Write conversations and their pictures as they come, whole or in pieces; return the heads of all."""
    laying = WorkDirWriter(folder)
    async for piece in pieces:
        await asyncio.to_thread(laying.add, piece)
        await write_images(folder, piece, media)
    await asyncio.to_thread(laying.finish)
    return laying.heads


async def write_images(folder: Path, transcript: Transcript, media: MediaStore) -> list[str]:
    """Write the pictures, but for those that are gone; return their names."""
    written = []
    for each in sorted({each for said in transcript.messages for each in said.media}, key=lambda one: one.sha256):
        if not (name := file_name(each)):
            continue
        try:
            data = await media.read(each)
        except Undeliverable:
            continue
        await asyncio.to_thread((folder / name).write_bytes, data)
        written.append(name)
    return written
