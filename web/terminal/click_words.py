"""Has click speak Chinese, through gettext as click provides for: its usage errors, headings and questions.

gettext reads a compiled file, whose source is click_words.zh.toml; `make docs` compiles it.
"""

import gettext
import os
import struct
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

_DOMAIN = "click"
_FOLDER = Path(__file__).with_name("locale")
_NO_DOMAIN = "messages"
"""What gettext begins with; there is no such file."""
_CHOICE = "LANGUAGE"
"""The variable that gettext asks first."""
_PLURAL = "plural"
_HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=1; plural=0;\n"
_MAGIC = 0x950412DE
_HEAD_BYTES = 28
_ENTRY_BYTES = 8

COMPILED = _FOLDER / "zh" / "LC_MESSAGES" / f"{_DOMAIN}.mo"


@contextmanager
def click_speaks(language: Literal["zh", "en"]) -> Iterator[None]:
    """Make click speak a language until the block ends."""
    before = os.environ.get(_CHOICE)
    if language == "zh":
        os.environ[_CHOICE] = "zh"
        gettext.bindtextdomain(_DOMAIN, str(_FOLDER))
        gettext.textdomain(_DOMAIN)
    try:
        yield
    finally:
        gettext.textdomain(_NO_DOMAIN)
        if before is None:
            os.environ.pop(_CHOICE, None)
        else:
            os.environ[_CHOICE] = before


def read_click_words() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the Chinese sentences by their English ones, and those that English has in singular and plural."""
    read: dict[str, Any] = tomllib.loads(Path(__file__).with_name("click_words.zh.toml").read_text(encoding="utf-8"))
    plural: dict[str, str] = read.pop(_PLURAL)
    return read, plural


def compile_click_words() -> bytes:
    """Return the sentences as a file of gettext (https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html)."""
    single, plural = read_click_words()
    # The plural is no part of what gettext looks up.
    entries = {"": _HEADER, **single, **{f"{english}\0{english}": said for english, said in plural.items()}}
    pairs = sorted((english.encode(), said.encode()) for english, said in entries.items())
    head = struct.pack("<7I", _MAGIC, 0, len(pairs), _HEAD_BYTES, _HEAD_BYTES + _ENTRY_BYTES * len(pairs), 0, 0)
    place = _HEAD_BYTES + 2 * _ENTRY_BYTES * len(pairs)
    tables, texts = b"", b""
    for column in zip(*pairs, strict=True):
        for text in column:
            tables += struct.pack("<2I", len(text), place + len(texts))
            texts += text + b"\0"
    return head + tables + texts


if __name__ == "__main__":
    sys.stdout.buffer.write(compile_click_words())
