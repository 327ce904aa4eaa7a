"""LaTeX as MathML, by latex2mathml: of formulas it understands wholly, and no more than a page shows."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LONGEST = 2000
_DEEPEST = 60
_CHILDREN = {
    "mfrac": 2,
    "mover": 2,
    "mroot": 2,
    "msub": 2,
    "msubsup": 3,
    "msup": 2,
    "munder": 2,
    "munderover": 3,
}
"""How many children an element must have that may not have any number of them."""
_WORDS = frozenset({"mi", "mn", "mo", "mtext"})
_TAGS = frozenset(
    {*_WORDS, *_CHILDREN, "math", "mrow", "msqrt", "mspace", "mstyle", "mpadded", "mphantom", "menclose"}
    | {"mtable", "mtr", "mtd"}
)
_ATTRIBUTES = frozenset(
    {"accent", "columnalign", "columnlines", "displaystyle", "fence", "form", "linebreak", "linethickness", "lspace"}
    | {"mathvariant", "maxsize", "minsize", "notation", "rowlines", "rowspacing", "scriptlevel", "stretchy", "width"}
)
# Macros may grow without bounds; a dollar or what is `#` to TeX means that this was no formula.
_REFUSED = re.compile(
    r"\\(?:newcommand|renewcommand|providecommand|def|let|DeclareMathOperator|href|url|ce)\b|(?<!\\)[$#]"
)
# Names of environments, with the columns of a table; lengths, colours; commands.
_NOT_SHOWN = re.compile(
    r"\\(?:begin|end)\{[^{}]*\}(?:\{[clr|]*\})?|\\(?:color|textcolor|hspace|kern|hskip)\*?\s*\{[^{}]*\}"
    r"|\\\\\[[^\[\]]*\]|\\[A-Za-z]+"
)
_SPELLINGS = (
    (
        re.compile(r"\\(begin|end)\{(?:aligned|split|align|eqnarray\*?|gathered|gather\*?|multline\*?)\}"),
        r"\\\1{align*}",
    ),
    (re.compile(r"\\(?:label|require)\{[^{}]*\}|\\(?:notag|nonumber)\b|\\(?:no)?limits\b(?=\W*$)"), ""),
    (re.compile(r"\\tag\*?\{"), r"\\qquad\\tag{"),
    (re.compile(r"\\(arg|Pr|deg|hom|ker|dim|sgn|argmax|argmin)(?![A-Za-z])"), r"\\operatorname{\1}"),
    # TeX takes what follows for a comment; whoever writes to a person means a percent sign.
    (re.compile(r"(?<!\\)%"), r"\\%"),
    (re.compile(r"\\bm(?![A-Za-z])"), r"\\boldsymbol"),
    (re.compile(r"\\[dt]binom(?![A-Za-z])"), r"\\binom"),
)


@dataclass(frozen=True, slots=True)
class MathNode:
    """An element of MathML, from the ones that are known here."""

    tag: str
    text: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple["MathNode", ...]

    def get(self, name: str) -> str:
        """Return an attribute, empty if there is none."""
        return dict(self.attributes).get(name, "")

    def markup(self) -> str:
        """Write it down."""
        attributes = "".join(f' {name}="{escape(value)}"' for name, value in self.attributes)
        return f"<{self.tag}{attributes}>{escape(self.text, quote=False)}{self.inside()}</{self.tag}>"

    def inside(self) -> str:
        """Write its children down."""
        return "".join(child.markup() for child in self.children)


class _NotUnderstood(Exception):
    """A formula, or a part of it, that is better shown as it was written."""


@lru_cache(maxsize=2048)
def math_of(tex: str) -> MathNode | None:
    """Return a formula as MathML; None for one that is not wholly understood."""
    if not tex or len(tex) > _LONGEST or _REFUSED.search(tex):
        return None
    for pattern, spelling in _SPELLINGS:
        tex = pattern.sub(spelling, tex)
    try:
        found = _converted(tex)
        if any(node.get("linebreak") for node in _nodes(found)):
            found = _converted(rf"\begin{{align*}}{tex}\end{{align*}}")
    except Exception:  # noqa: BLE001 (the library raises errors of a dozen kinds)
        return None
    return found if _is_whole(found, tex) else None


def _is_whole(found: MathNode, tex: str) -> bool:
    """Whether every letter and digit of a formula is there: the library leaves out what it does not expect."""
    shown = unicodedata.normalize("NFKC", "".join(node.text for node in _nodes(found)))
    written = Counter(filter(str.isalnum, unicodedata.normalize("NFKC", _NOT_SHOWN.sub(" ", tex))))
    return bool(shown.strip()) and written <= Counter(shown)


def _converted(tex: str) -> MathNode:
    # It takes its time to import, and most conversations have no formula.
    from latex2mathml.converter import convert_to_element  # noqa: PLC0415

    return _checked(convert_to_element(tex), 0)


def _checked(element: "Element", depth: int) -> MathNode:
    text = unescape(element.text or "").strip("\n")
    odd = "\\" in text or (text in {"&", "#"} and element.tag == "mi" and element.text == text)
    if odd or element.tag not in _TAGS or depth > _DEEPEST or (text and element.tag not in _WORDS):
        raise _NotUnderstood
    children = tuple(_checked(child, depth + 1) for child in element)
    if len(children) != _CHILDREN.get(element.tag, len(children)):
        raise _NotUnderstood
    attributes = tuple((name, value) for name, value in sorted(element.attrib.items()) if name in _ATTRIBUTES)
    return MathNode("mrow" if children and element.tag in _WORDS else element.tag, text, attributes, children)


def _nodes(node: MathNode) -> Iterator[MathNode]:
    yield node
    for child in node.children:
        yield from _nodes(child)
