"""Texts that may be lost, such as tokens and media ids: in memory, and on disk for the next start.

A disk that fails costs a few more calls to WeCom and never an answer.
"""

import asyncio
import json
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import diskcache
import structlog

log = structlog.get_logger()

_KEPT_IN_MEMORY = 10_000
_DISK_BYTES = 64 * 1024 * 1024
_LOCK_SECONDS = 2

T = TypeVar("T")


class PickleRefused(TypeError):
    """A person asked the disk to keep or to read a pickle, which can run code."""


class PlainDisk(diskcache.Disk):  # type: ignore[misc] # diskcache has no types
    """Keeps text, bytes and numbers; a pickle is refused on the way in and out (CVE-2025-69872)."""

    def put(self, key: object) -> Any:  # noqa: ANN401, D102
        _plain(key)
        return super().put(key)

    def get(self, key: object, raw: bool) -> Any:  # noqa: ANN401, D102, FBT001
        if not raw:
            raise PickleRefused("a pickled key")
        return super().get(key, raw)

    def store(self, value: object, read: bool, key: object = diskcache.UNKNOWN) -> Any:  # noqa: ANN401, D102, FBT001
        _plain(value)
        return super().store(value, read, key=key)

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> Any:  # noqa: ANN401, D102, FBT001
        if mode == diskcache.core.MODE_PICKLE:
            raise PickleRefused("a pickled value")
        return super().fetch(mode, filename, value, read)


@dataclass(frozen=True, slots=True)
class Kept:
    """A text, and the time until which it may be used."""

    text: str
    until: float


class Cache:
    """One folder of short texts, each with a time after which it is forgotten."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._memory: OrderedDict[str, Kept] = OrderedDict()
        self._disk: diskcache.Cache | None = None
        # One thread of its own: one connection, which that thread can close.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wecom-cache")
        self._failing = False
        self._closed = False

    async def get(self, key: str) -> Kept | None:
        """Return what is kept under a key, or None when it was never there, is too old, or cannot be read."""
        kept = self._memory.get(key)
        if kept is None:
            kept = _entry(await self._on_disk(lambda disk: disk.get(key)))
            if kept is not None:
                self._remember(key, kept)
        return kept if kept is not None and kept.until > self._clock() else None

    async def put(self, key: str, text: str, *, seconds: float, on_disk: bool = True) -> None:
        """Keep a text for some seconds, or until the process ends if that is sooner and it is not `on_disk`."""
        kept = Kept(text, self._clock() + seconds)
        self._remember(key, kept)
        if not on_disk:
            return
        entry = json.dumps([kept.text, kept.until])
        await self._on_disk(lambda disk: disk.set(key, entry, expire=seconds))

    async def forget(self, key: str) -> None:
        """Remove a text before it expires."""
        self._memory.pop(key, None)
        await self._on_disk(lambda disk: disk.delete(key))

    async def aclose(self) -> None:
        """Close the folder; what is kept afterwards is kept in memory."""
        if self._disk is not None:
            await self._on_disk(lambda disk: disk.close())
        self._closed = True
        self._thread.shutdown(wait=False)

    def _remember(self, key: str, kept: Kept) -> None:
        self._memory[key] = kept
        self._memory.move_to_end(key)
        if len(self._memory) > _KEPT_IN_MEMORY:
            self._memory.popitem(last=False)

    async def _on_disk(self, work: Callable[[diskcache.Cache], T]) -> T | None:
        if self._closed:
            return None
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._thread, self._work_on_disk, work)
        except (OSError, sqlite3.Error, diskcache.Timeout, PickleRefused) as error:
            if not self._failing:
                log.warning("wecom_cache_unusable", folder=str(self._folder), error=type(error).__name__)
            self._failing = True
            return None
        self._failing = False
        return result

    def _work_on_disk(self, work: Callable[[diskcache.Cache], T]) -> T:
        if self._disk is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._disk = diskcache.Cache(
                str(self._folder), timeout=_LOCK_SECONDS, disk=PlainDisk, size_limit=_DISK_BYTES
            )
        return work(self._disk)


def _plain(item: object) -> None:
    if type(item) not in {str, bytes, int, float}:
        raise PickleRefused(f"only text, bytes and numbers are kept, not {type(item).__name__}")


def _entry(stored: object) -> Kept | None:
    if not isinstance(stored, str):
        return None
    try:
        text, until = json.loads(stored)
        return Kept(str(text), float(until))
    except (ValueError, TypeError):
        return None
