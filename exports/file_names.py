"""Names of folders for people and channels, which any file system takes."""

import hashlib
import re
from unicodedata import normalize

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")
"""Names of devices, which Windows gives to no file."""
# A name may have 255 bytes on Linux; a suffix and a checksum come behind.
_MOST_BYTES = 100
_DIGITS = 16


def safe_name(name: str) -> str:
    """Return a name every file system takes, and for no two names the same one.

    Also where case is not told apart (NTFS, APFS), nor the forms of Unicode (APFS, HFS+): a name that such a system
    could take for another one gets a checksum.
    """
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in name).strip(".")
    plain = (
        kept == name == normalize("NFKC", name).casefold() == name.upper().lower()
        and len(kept.encode()) < _MOST_BYTES
        and not _RESERVED.fullmatch(kept)
        and kept
    )
    if plain:
        return kept
    # A lone surrogate is none of the letters, so `kept` has none.
    begin = kept.encode()[: _MOST_BYTES - _DIGITS].decode(errors="ignore")
    return f"{begin}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:_DIGITS]}"
