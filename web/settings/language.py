"""The language in which the shell speaks, also of settings that cannot be used.

Imports next to nothing: the help of the shell asks for it, and waits for no library.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pipeline.text.toml_syntax import parse_toml
from web.settings.places import FILES, PREFIX

_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
_DEFAULT: Literal["zh", "en"] = "zh"
"""What `[chat] language` is where nothing is set."""


def shell_language(folder: Path, environ: Mapping[str, str]) -> Literal["zh", "en"]:
    """Return Chinese where `[chat] language` or the locale is Chinese, English elsewhere.

    Settings that cannot be read or are not valid say nothing. Reads the files.
    """
    locale = next((environ[name] for name in _LOCALE if environ.get(name)), "")
    return "zh" if "zh" in (_of_chat(folder, environ), locale[:2].lower()) else "en"


def _of_chat(folder: Path, environ: Mapping[str, str]) -> str:
    said: list[object] = []
    for name in FILES:
        # Broken syntax, and text that is not UTF-8, are errors of value.
        with suppress(OSError, ValueError):
            chat = parse_toml((folder / name).read_text(encoding="utf-8-sig")).get("chat")
            said.append(chat.get("language") if isinstance(chat, dict) else None)
    said.append(environ.get(f"{PREFIX}CHAT__LANGUAGE"))
    return next((str(each) for each in reversed(said) if each in ("zh", "en")), _DEFAULT)
