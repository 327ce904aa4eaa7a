"""The fonts of pages: where they are, and which characters they have.

Twemoji Mozilla (OFL; its pictures CC BY 4.0, see LICENSE) is here, as it is in no package; the others come with theirs.
"""

import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import pymupdf
import regex  # type: ignore[import-untyped]

from exports.writers.characters import boxed

EMOJI_FOLDER = str(files("manimgx_fonts"))
EMOJI_FONT = "NotoEmoji[wght].ttf"
FONT_FOLDERS = (str(files("manimgx_fonts_cjk")), EMOJI_FOLDER, str(files("exports.pdf.fonts")))

# What the fonts are known to have, so that they are seldom looked into; with what is not seen at all.
_RARE = regex.compile(
    r"[^\s\u0020-\u024f\u0370-\u0373\u0391-\u03a1\u03a3-\u03ce\u0410-\u044f\u2010-\u2027\u2030-\u203b\u20ac\u2190-\u2193"
    r"\u2460-\u2473\u2500-\u25a1\u3000-\u30ff\u4e00-\u9fa5\uac00-\ud7a3\uff01-\uff5e\p{Default_Ignorable_Code_Point}]"
)

# Of no script to `has_glyph`, and set by MuPDF in the font of the letters around them.
_OF_NO_SCRIPT = "\u060c\u061b\u061f\u0640\u0964\u0965"


def shown(text: str) -> str:
    """Return a text as a page can show it: what no font has is a box with its code point."""
    return str(_RARE.sub(lambda found: found[0] if ord(found[0]) in _covered() else boxed(found[0]), text))


def shown_by_mupdf(text: str) -> str:
    """Return a text as MuPDF can show it, whose own fonts have fewer characters: ㎡ is m², 𠮷 a box."""
    return str(_RARE.sub(lambda found: _of_mupdf(found[0]), shown(text)))


@lru_cache(maxsize=4096)
def _of_mupdf(character: str) -> str:
    if _mupdf_has(character):
        return character
    parts = [each for each in unicodedata.decomposition(character).split() if not each.startswith("<")]
    simpler = "".join(chr(int(part, 16)) for part in parts)
    return simpler if simpler and all(map(_mupdf_has, simpler)) else boxed(character)


def _mupdf_has(character: str) -> bool:
    return character in _OF_NO_SCRIPT or any(font.has_glyph(ord(character), fallback=True) for font in _mupdf_fonts())


@cache
def _mupdf_fonts() -> tuple[pymupdf.Font, ...]:
    emoji = Path(EMOJI_FOLDER) / EMOJI_FONT
    return pymupdf.Font("helv"), pymupdf.Font(fontfile=str(emoji))


@cache
def _covered() -> frozenset[int]:
    # What only fonts have that are within typst: there is no file of theirs to look into.
    found: set[int] = set()
    for span in files("exports.pdf.fonts").joinpath("typst.txt").read_text("ascii").split():
        first, _, last = span.partition("-")
        found.update(range(int(first, 16), int(last or first, 16) + 1))
    for folder in FONT_FOLDERS:
        for path in sorted(Path(folder).iterdir()):
            if path.suffix in {".ttf", ".ttc", ".otf"}:
                found.update(pymupdf.Font(fontfile=str(path)).valid_codepoints())
    return frozenset(found)
