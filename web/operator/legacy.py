"""Reads corp-webot's config.yaml into our settings files, and has its database brought over."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import yaml  # type: ignore[import-untyped]

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from pipeline.text.i18n import Sentence
from storage.conversations.corp_webot import ImportedCounts, UnreadableRow, import_legacy, read_legacy
from storage.database.access import ensure_schema, open_for_cli

_SECRETS = ".secrets.toml"
_LOCAL = "settings.local.toml"
_LEVELS = {"warn": "warning", "trace": "debug", "panic": "critical", "fatal": "critical"}
# Go writes times by example.
_GO_TIMES = (("2006", "%Y"), ("01", "%m"), ("02", "%d"), ("15", "%H"), ("04", "%M"), ("05", "%S"))
_MAP = {
    "systemConf.proxy": (_LOCAL, "network", "proxy"),
    "systemConf.port": (_LOCAL, "server", "port"),
    "systemConf.log": (_LOCAL, "log", "level"),
    "systemConf.callBackUrl": (_LOCAL, "server", "public_url"),
    "systemConf.msgMode": (_LOCAL, "channels.wecom", "message_format"),
    "systemConf.logConf.logLevel": (_LOCAL, "log", "level"),
    "systemConf.logConf.logOutPutMode": (_LOCAL, "log", "output"),
    "systemConf.logConf.logOutPutPath": (_LOCAL, "log", "path"),
    "systemConf.logConf.logFileDateFmt": (_LOCAL, "log", "date_format"),
    "systemConf.logConf.logFileRotationCount": (_LOCAL, "log", "rotation_count"),
    "systemConf.logConf.logFormatter": (_LOCAL, "log", "format"),
    "gptConfig.apikey": (_SECRETS, "models.default", "api_key"),
    "gptConfig.model": (_LOCAL, "models.default", "model"),
    "gptConfig.url": (_LOCAL, "models.default", "base_url"),
    "weConfig.corpid": (_LOCAL, "channels.wecom", "corp_id"),
    "weConfig.corpSecret": (_SECRETS, "channels.wecom", "secret"),
    "weConfig.agentId": (_LOCAL, "channels.wecom", "agent_id"),
    "weConfig.weApiRCallToken": (_SECRETS, "channels.wecom", "token"),
    "weConfig.weApiEncodingKey": (_SECRETS, "channels.wecom", "encoding_aes_key"),
    "weConfig.weChatApiAddr": (_LOCAL, "channels.wecom", "api_base"),
}
_NUMBERS = {"port", "agent_id", "rotation_count"}


@dataclass(frozen=True, slots=True)
class OldSettings:
    """The text of each of our files, and the old keys that have no place here."""

    files: Mapping[str, str]
    unknown: tuple[str, ...]


def read_config(path: Path) -> OldSettings:
    """Read the old file. Raises `SettingsInvalid` when it is not YAML with tables."""
    try:
        old = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SettingsInvalid([Sentence("shell.legacy_no_yaml", file=str(path))]) from None
    if not isinstance(old, dict):
        raise SettingsInvalid([Sentence("shell.legacy_no_settings", file=str(path))])
    files: dict[str, dict[str, dict[str, Any]]] = {}
    unknown = []
    for key, value in _flat(old):
        if key not in _MAP:
            unknown.append(key)
        elif value not in (None, ""):
            file, table, name = _MAP[key]
            files.setdefault(file, {}).setdefault(table, {})[name] = _translated(name, value)
    return OldSettings({name: _toml(tables) for name, tables in files.items()}, tuple(unknown))


def write_config(old: OldSettings, folder: Path) -> Iterator[str]:
    """Write the files that are not there yet; say of each what became of it."""
    for name, text in sorted(old.files.items()):
        path = folder / name
        if not path.exists():
            _write_whole(path, text)
            yield Sentence("shell.legacy_written", file=str(path))
        elif path.read_text(encoding="utf-8") == text:
            yield Sentence("shell.legacy_same", file=str(path))
        else:
            yield Sentence("shell.legacy_kept", file=str(path))
    for key in old.unknown:
        yield Sentence("shell.legacy_unknown", key=key)


def _write_whole(path: Path, text: str) -> None:
    """Write a file of mode 0600, or none: what is written in part would pass for one that is there already."""
    number, half = mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(half).replace(path)
    except BaseException:
        Path(half).unlink(missing_ok=True)
        raise


def import_database(settings: Settings, path: Path, channel: str) -> tuple[ImportedCounts, list[UnreadableRow]]:
    """Import the old database; return what was imported, and what could not be read."""
    found = read_legacy(path)
    url = settings.storage.database_url.get_secret_value()

    async def bring() -> ImportedCounts:
        async with open_for_cli(url) as database:
            return await import_legacy(database, found, channel)

    return asyncio.run(bring()), [each for each in found if isinstance(each, UnreadableRow)]


def prepare_database(settings: Settings) -> None:
    """Make the database, or bring its schema up. Raises `AlreadyRunning` beside a service."""
    asyncio.run(ensure_schema(settings.storage.database_url.get_secret_value()))


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _translated(name: str, value: object) -> object:
    text = str(value).strip()
    if name in _NUMBERS:
        return int(text) if text.isdecimal() else text
    if name == "level":
        return _LEVELS.get(text.lower(), text.lower())
    if name == "date_format":
        for go, ours in _GO_TIMES:
            text = text.replace(go, ours)
    return text


def _toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    parts = []
    for table, keys in tables.items():
        # A JSON text is a TOML text.
        lines = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in keys.items())
        parts.append(f"[{table}]\n{lines}")
    return "\n".join(parts)
