"""A start without an audience: everything is put together as `webot serve` does, over a database of a moment."""

import asyncio
import shutil
from dataclasses import replace
from tempfile import mkdtemp

from pydantic import SecretStr

from storage.dsn import check_files, read_url
from web.configuration import Loaded
from web.wiring import open_service


async def rehearse(loaded: Loaded) -> None:
    """See what only the whole can show: paths that clash, chains and models that do not go together, models' options.

    Raises what a start would.
    """
    settings = loaded.settings
    await asyncio.to_thread(check_files, read_url(settings.storage.database_url.get_secret_value()))
    folder = await asyncio.to_thread(mkdtemp, prefix="webot-rehearsal-")
    database_url = SecretStr(f"sqlite+aiosqlite:///{folder}/webot.db")
    storage = settings.storage.model_copy(update={"database_url": database_url})
    try:
        service = await open_service(
            replace(loaded, settings=settings.model_copy(update={"storage": storage})), own_url="http://127.0.0.1:9"
        )
        try:
            await asyncio.to_thread(service.chains.models.examine)
        finally:
            await service.close()
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
