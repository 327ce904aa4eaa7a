"""The language in which the shell speaks of settings, also of those that cannot be used."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from pipeline.errors import SettingsInvalid
from pipeline.settings import Chat
from pipeline.text.i18n import Language
from web.settings.layers import FILES, PREFIX, read_file

_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


def shell_language(folder: Path, environ: Mapping[str, str]) -> Language:
    """Return Chinese where `[chat] language` or the locale is Chinese, English elsewhere.

    Settings that cannot be read or are not valid say nothing. Reads the files.
    """
    locale = next((environ[name] for name in _LOCALE if environ.get(name)), "")
    return "zh" if "zh" in (_of_chat(folder, environ), locale[:2].lower()) else "en"


def _of_chat(folder: Path, environ: Mapping[str, str]) -> str:
    said: list[Any] = []
    for name in FILES:
        with suppress(SettingsInvalid):
            chat = read_file(folder / name).get("chat")
            said.append(chat.get("language") if isinstance(chat, dict) else None)
    said.append(environ.get(f"{PREFIX}CHAT__LANGUAGE"))
    return next((str(each) for each in reversed(said) if each in get_args(Language)), Chat().language)
