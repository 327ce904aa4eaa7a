"""What of a text a reader sees."""

import regex  # type: ignore[import-untyped]  # ships no types

# Seen by nobody: white space, controls, joiners, variation selectors, fillers. A message of these alone is refused
# as empty (44004).
_VISIBLE = regex.compile(r"[^\s\p{C}\p{Default_Ignorable_Code_Point}\u2800]")


def is_visible(text: str) -> bool:
    """Whether a reader would see anything of the text."""
    return _VISIBLE.search(text) is not None
