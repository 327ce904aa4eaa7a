"""What is another thing in one reading of the settings than in the one before, and what of it can hold at once.

Pure. Keys are named, values never: a value may be a secret.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.settings import ChannelTable, Console, Settings
from web.settings.layers import Layers
from web.settings.places import FILES

Path = tuple[str, ...]


def changed(before: Settings, after: Settings) -> list[str]:
    """Name the keys that differ, as in `models.default.model`; of a table that came or went, the table."""
    return [".".join(path) for path in _differing(_plain(before), _plain(after))]


def taken_over(running: Settings, wanted: Settings) -> Settings:
    """Return the wanted settings with everything as it runs that only a start can change.

    Sockets, database, WeCom's connections and log files are opened once, by what the settings said then.
    """
    return wanted.model_copy(
        update={
            "server": running.server.model_copy(update={"public_url": wanted.server.public_url}),
            "storage": running.storage,
            "channels": {name: _channel(table, wanted.channels.get(name)) for name, table in running.channels.items()},
            "network": running.network,
            "console": wanted.console.model_copy(update=_as_it_runs(running.console)),
            "simulator": running.simulator,
            "chat": wanted.chat.model_copy(
                update={"language": running.chat.language, "timezone": running.chat.timezone}
            ),
            "log": running.log.model_copy(update={"level": wanted.log.level}),
        }
    )


def _as_it_runs(console: Console) -> dict[str, object]:
    return {"host": console.host, "port": console.port, "generate_password": console.generate_password}


def overridden(before: Layers, after: Layers) -> dict[str, str]:
    """Name each key that was edited in a file in vain, with the later layer that has the last word on it."""
    found: dict[str, str] = {}
    for file in FILES:
        for path in _differing(before.by_name.get(file, {}), after.by_name.get(file, {}), whole=False):
            origin = after.origin(path)
            if origin and _rank(origin) > FILES.index(file):
                found[".".join(path)] = origin
    return found


def _channel(running: ChannelTable, wanted: ChannelTable | None) -> ChannelTable:
    return running if wanted is None else running.model_copy(update={"chain": wanted.chain})


def _rank(origin: str) -> int:
    return FILES.index(origin) if origin in FILES else len(FILES)


def _differing(
    before: Mapping[str, Any], after: Mapping[str, Any], path: Path = (), *, whole: bool = True
) -> Iterator[Path]:
    """Yield the paths that differ; `whole` names a table that is on one side alone, else each of its keys."""
    for key in dict.fromkeys((*before, *after)):
        here = (*path, key)
        sides = [side.get(key) for side in (before, after)]
        tables: list[Mapping[str, Any]] = [side if isinstance(side, Mapping) else {} for side in sides]
        both = all(isinstance(side, Mapping) for side in sides)
        if both or (not whole and any(tables)):
            yield from _differing(tables[0], tables[1], here, whole=whole)
        elif sides[0] != sides[1]:
            yield here


def _plain(table: BaseModel) -> dict[str, Any]:
    return dict(_plain_items(table))


def _plain_items(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for key, value in items:
        match value:
            case BaseModel():
                yield key, _plain(value)
            case Mapping():
                yield key, dict(_plain_items(value.items()))
            case _:
                yield key, value
