"""The form in which words are compared."""

import unicodedata

SIGNS = ("@", "＠", "﹫")
"""What a command begins with: a full-width or small commercial at is what a Chinese input method types."""


def folded(word: str) -> str:
    """Give a word in that form: full width and large letters make no difference."""
    return unicodedata.normalize("NFKC", word).casefold()


def first_word(line: str) -> tuple[str, str]:
    """Give the word with an @ that a line begins with, folded, and what follows it; two empty texts for none."""
    text = line.strip()
    if not text.startswith(SIGNS):
        return "", ""
    word, *rest = text.split(maxsplit=1)
    return folded(word), rest[0] if rest else ""
