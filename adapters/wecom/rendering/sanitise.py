"""Takes out of a reply what no client shows and what JSON, XML or the reader's eye would trip over."""

import regex  # type: ignore[import-untyped]  # ships no types

_LINE_ENDS = regex.compile(r"\r\n?|[\u0085\u2028\u2029]")

# Control characters but tab and newline, halves of surrogate pairs, noncharacters, the byte order mark, and the
# characters that make text read in another order than it stands in ("Trojan Source", CVE-2021-42574).
_UNWANTED = regex.compile(
    r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\uD800-\uDFFF\uFDD0-\uFDEF\uFEFF\u202A-\u202E\u2066-\u2069"
    + "".join(rf"\U{plane:04X}FFFE\U{plane:04X}FFFF" for plane in range(17))
    + "]"
)


def clean(text: str) -> str:
    """Return the text with every line ended by a newline and everything unwanted gone."""
    wanted: str = _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))
    return wanted
