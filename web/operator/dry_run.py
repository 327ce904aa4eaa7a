"""Builds the whole service as `webot serve` does, over a throwaway database, and discards it."""

import asyncio
import re
import shutil
from dataclasses import replace
from tempfile import gettempdir, mkdtemp

from pydantic import SecretStr

from pipeline.errors import SettingsInvalid
from pipeline.settings import ModelTable, Settings
from pipeline.text.phrases import placed
from storage.database.dsn import check_files, read_url
from web.settings.addresses import addresses_of
from web.settings.layers import Layers
from web.settings.loading import Loaded
from web.wiring import open_service


async def dry_run(loaded: Loaded) -> None:
    """Check what only the whole can show: paths that clash, chains and models that do not go together, models' options.

    Raises what a start would.
    """
    settings = loaded.settings
    addresses_of(loaded).check()
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


async def every_problem(loaded: Loaded) -> list[str]:
    """Return everything that a start would refuse, each with the file or variable it stands in.

    A start is refused by the first; so the table that is to blame is left out, and the rest tried again.
    """
    problems: list[str] = []
    for _ in range(_ROUNDS):
        try:
            await dry_run(loaded)
        except SettingsInvalid as error:
            problems += (located(problem, loaded.layers) for problem in error.problems)
            places = [found.groups() for problem in error.problems if (found := _PLACE.match(problem))]
            if not places:
                break
            for table, name, key in places:
                loaded = _without(loaded, table, name, key)
        else:
            break
    return list(dict.fromkeys(problems))


_ROUNDS = 10
_PLACE = re.compile(r"\[(\w+)(?:\.([\w-]+))?\][. ]?(\w+)?")
"""`[table] key`, `[table.name] key`, or with a point between."""


def located(problem: str, layers: Layers) -> str:
    """Return a problem with the file or variable in front that set what it is about."""
    found = _PLACE.match(problem)
    if found is None:
        return problem
    path = tuple(part for part in found.groups() if part)
    origin = layers.origin(path) or layers.origin(path[:-1])
    return placed(origin, problem)


def _without(loaded: Loaded, table: str, name: str | None, key: str | None) -> Loaded:
    """Return the settings with a table as it is by default; a channel goes, a model becomes the demo's."""
    settings = loaded.settings
    if table == "channels" and name is not None:
        channels = {other: each for other, each in settings.channels.items() if other != name}
        own = {other: each for other, each in loaded.channels.items() if other != name}
        return replace(loaded, settings=settings.model_copy(update={"channels": channels}), channels=own)
    if table == "models" and name is not None:
        models = {**settings.models, name: ModelTable(provider="demo")}
        return replace(loaded, settings=settings.model_copy(update={"models": models}))
    default = (
        Settings.model_fields[table].get_default(call_default_factory=True) if table in Settings.model_fields else None
    )
    if table == "storage" and default is not None:
        # Nothing is kept here in any case; of the two keys that can be at fault the other is still to be looked at.
        folder = gettempdir() if key == "data_dir" else settings.storage.data_dir
        default = default.model_copy(update={"data_dir": folder})
    if table == "console" and default is not None:
        # The port it has by default may be the one that [server] has taken.
        default = default.model_copy(update={"port": 0})
    return loaded if default is None else replace(loaded, settings=settings.model_copy(update={table: default}))
