"""Escapes text for Markdown, so that none of it is read as markup."""

import re

from pipeline.text.unicode import beginning

# Not the opening bracket: with a backslash before it begins a formula, and without the closing one it begins nothing.
_MARKUP = re.compile(r"([\\`*_\]<>|~#])")


def escape_markdown(text: str, *, most: int) -> str:
    """Return text as one line of at most `most` characters that no Markdown reader takes for markup."""
    line = " ".join(text.split())
    short = line if len(line) <= most else beginning(line, most - 1) + "…"
    return _MARKUP.sub(r"\\\1", short)


def block_quote(text: str) -> str:
    """Return text as a Markdown block quote, line by line, its own markup left as it is."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
