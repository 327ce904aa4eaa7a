"""What of a text a reader sees, and what of it databases and protocols take."""

import regex  # type: ignore[import-untyped]  # ships no types

# Seen by nobody: white space, controls, joiners, variation selectors, fillers. A message of these alone is refused
# as empty (44004).
_VISIBLE = regex.compile(r"[^\s\p{C}\p{Default_Ignorable_Code_Point}\u2800]")

_CHARACTER = regex.compile(r"\X")
_LONGEST_CHARACTER = 64


def is_visible(text: str) -> bool:
    """Whether a reader would see anything of the text."""
    return _VISIBLE.search(text) is not None


def beginning(text: str, most: int) -> str:
    """Return the beginning of a text, `most` code points at most, with no character cut: 👨‍👩‍👧 is one."""
    if len(text) <= most:
        return text
    # One further code point tells whether the last character is whole; a character is looked at to its 64th.
    whole = 0
    for found in _CHARACTER.finditer(text, 0, most + _LONGEST_CHARACTER):
        if found.end() > most:
            break
        whole = found.end()
    return text[:whole]


# Those that draw lines, and those that turn the direction of what follows.
_CONTROLS = regex.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible_controls(text: str) -> str:
    """Return a text with its control characters written out, so that a page shows them and obeys none."""
    return str(_CONTROLS.sub(lambda found: f"[U+{ord(found.group()):04X}]", text.replace("\r\n", "\n")))


def wellformed(text: str) -> str:
    """Drop NUL characters, join surrogate halves that belong together, and mark those that do not with U+FFFD.

    JSON may carry both, and PostgreSQL and UTF-8 refuse both.
    """
    if "\x00" in text:
        text = text.replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
