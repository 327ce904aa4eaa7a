"""An answer as one would read it aloud: its words without markup, addresses and code."""

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.text.markdown.bounds import bound

_MARKDOWN = bound(MarkdownIt("commonmark").enable("table"))
_MOST_READ = 8000
"""Characters of an answer that are read: many times what is read aloud of one."""
_PAUSE = "\n"


def speech_text(markdown: str) -> str:
    """Return what of an answer is to be said; empty if it is code and the like alone."""
    lines = (
        "".join(_words(token.children or [])).strip()
        for token in _MARKDOWN.parse(markdown[:_MOST_READ])
        if token.type == "inline"
    )
    return _PAUSE.join(line for line in lines if line)


def _words(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        match token.type:
            case "text" | "code_inline":
                # A bare address is nothing to listen to.
                yield " ".join(word for word in token.content.split(" ") if "://" not in word)
            case "softbreak" | "hardbreak":
                yield " "
            case _:
                pass
