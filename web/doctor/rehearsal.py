"""A start without an audience: everything is put together as `webot serve` does, over a database of a moment."""

import asyncio
import shutil
from dataclasses import replace
from tempfile import mkdtemp

from pydantic import SecretStr

from pipeline.errors import SettingsInvalid, WebotError
from web.configuration import Loaded
from web.doctor.findings import Finding, Teller
from web.wiring import open_service


async def examine_start(loaded: Loaded, teller: Teller) -> Finding:
    """See what only the whole can show: paths that clash, chains and models that do not go together."""
    folder = await asyncio.to_thread(mkdtemp, prefix="webot-doctor-")
    database_url = SecretStr(f"sqlite+aiosqlite:///{folder}/webot.db")
    settings = loaded.settings
    storage = settings.storage.model_copy(update={"database_url": database_url})
    try:
        service = await open_service(
            replace(loaded, settings=settings.model_copy(update={"storage": storage})), own_url="http://127.0.0.1:9"
        )
        await service.close()
    except SettingsInvalid as error:
        return teller.ill("start", "start_bad", "start_bad_fix", problems="; ".join(error.problems))
    except (WebotError, OSError) as error:
        return teller.ill("start", "start_bad", "start_bad_fix", problems=error)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return teller.well("start", "start_ok")
