"""Writes MathML as typst's mathematics. Whatever was written in a formula becomes letters or escapes, never markup."""

import re
from collections.abc import Iterable

from exports.writers.mathml import MathNode

_ACCENTS = {
    "^": "\u0302",
    "~": "\u0303",
    "˙": "\u0307",
    "¨": "\u0308",
    "→": "\u20d7",
    "ˇ": "\u030c",
    "˘": "\u0306",
    "´": "\u0301",
    "`": "\u0300",
}
_OVER = {"¯": "overline", "―": "overline", "⏞": "overbrace", "_": "underline", "⏟": "underbrace", "―_": "underline"}
_BRACES = {"overbrace", "underbrace"}
_FACES = {
    "bold": "bold",
    "bold-italic": "bold",
    "double-struck": "bb",
    "fraktur": "frak",
    "italic": "italic",
    "monospace": "mono",
    "normal": "upright",
    "sans-serif": "sans",
    "script": "cal",
}
_SLASH = "⧸"
_EMPTY = '""'
_OPENING = frozenset("([{|‖⟨⌊⌈")
_CLOSING = frozenset(")]}|‖⟩⌋⌉")
_BELOW = frozenset({"lim", "liminf", "limsup", "max", "min", "sup", "inf", "argmax", "argmin", "arg max", "arg min"})
"""Operators that have what belongs to them below where there is room."""
_BESIDE_BAR = re.compile(r" ?(\\u\{(?:7c|2016)\}) ?")


def typst_math(node: MathNode) -> str:
    """Return what stands between the dollars."""
    return _write(node)


def _write(node: MathNode) -> str:  # noqa: C901, PLR0911, PLR0912 (a case each)
    inside = node.children
    match node.tag:
        case "mi" | "mo" | "mn" | "mtext":
            return _faced(node, _token(node))
        case "mspace":
            return _space(node.get("width"))
        case "mfrac" if node.get("linethickness") == "0":
            return f"mat(delim: #none, {_arg(inside[0])}; {_arg(inside[1])})"
        case "mfrac":
            return f"frac({_arg(inside[0])}, {_arg(inside[1])})"
        case "msqrt":
            return f"sqrt({_all(inside) or _EMPTY})"
        case "mroot":
            return f"root({_arg(inside[1])}, {_arg(inside[0])})"
        case "msup":
            return f"attach({_arg(inside[0])}, t: {_arg(inside[1])})"
        case "msub":
            return f"attach({_arg(inside[0])}, b: {_arg(inside[1])})"
        case "msubsup":
            return f"attach({_arg(inside[0])}, b: {_arg(inside[1])}, t: {_arg(inside[2])})"
        case "mover" | "munder":
            return _marked(node)
        case "munderover":
            return f"attach({_limits(inside[0])}, b: {_arg(inside[1])}, t: {_arg(inside[2])})"
        case "mtable":
            return _table(node)
        case "menclose" if "box" in node.get("notation"):
            return f"#box(stroke: 0.5pt, inset: 3pt, baseline: 3pt)[$ {_all(inside)} $];"
        case "menclose" if "strike" in node.get("notation"):
            return f"cancel({_all(inside) or _EMPTY})"
        case "mphantom":
            return f"#hide[$ {_all(inside)} $];"
        case "mstyle" if node.get("displaystyle") == "true":
            return f"display({_all(inside) or _EMPTY})"
        case _:
            return _row(inside)


def _row(nodes: tuple[MathNode, ...]) -> str:
    """Write nodes beside each other, fences before and behind them as high as what they hold."""
    match nodes:
        case (MathNode("mtable") as table,):
            return _aligned(table)
        case (left, MathNode("mfrac") as pair, right) if pair.get("linethickness") == "0" and left.get("minsize"):
            return f"binom({_arg(pair.children[0])}, {_arg(pair.children[1])})" if right.text == ")" else _all(nodes)
        case (left, *_, right) if _is_fence(left) or (_is_fence(right) and right.get("form") == "postfix"):
            return f"lr({_all(nodes)})"
        case _:
            return _all(nodes)


def _is_fence(node: MathNode) -> bool:
    return node.tag == "mo" and node.get("fence") == "true" and node.get("form") in {"prefix", "postfix"}


def _all(nodes: Iterable[MathNode]) -> str:
    parts: list[str] = []
    left = list(nodes)
    while left:
        match left:
            case (MathNode("mo") as opening, MathNode("mtable") as table, *rest) if opening.text in _OPENING:
                closing = rest[:1] if rest and rest[0].tag == "mo" and rest[0].text in _CLOSING else []
                parts.append(f"lr({' '.join(map(_write, (opening, table, *closing)))})")
                left = rest[len(closing) :]
            case (MathNode("mpadded") as struck, following, *rest) if _words(struck) == _SLASH:
                parts.append(f"cancel({_arg(following)})")
                left = rest
            case _:
                parts.append(_write(left[0]))
                left = left[1:]
    # A space beside a bar would be seen: `| x |`.
    return _BESIDE_BAR.sub(r"\1", " ".join(part for part in parts if part))


def _arg(node: MathNode) -> str:
    return _write(node) or _EMPTY


def _token(node: MathNode) -> str:
    text = node.text.strip("\u2061\u2062\u2063\u2064")
    if node.tag != "mtext":
        text = text.strip()
    if not text:
        return ""
    if node.tag == "mtext" or (node.tag == "mn" and len(text) > 1) or not text.isprintable():
        return _string(text)
    if len(text) > 1:
        if not (text[0].isalpha() and text.isascii()):
            return "".join(map(_sign, text))
        return f"op({_string(text)}{', limits: #true' if text in _BELOW else ''})"
    return _sign(text)


def _sign(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    if "\u2e80" <= character <= "\ud7ff" or "\uf900" <= character <= "\uffef":
        return _string(character)
    return f"\\u{{{ord(character):x}}}"


def _faced(node: MathNode, written: str) -> str:
    face = _FACES.get(node.get("mathvariant"))
    return f"{face}({written})" if face and written else written


def _marked(node: MathNode) -> str:
    base, mark = node.children
    sign = mark.text.strip() if mark.tag == "mo" else ""
    if sign in _ACCENTS and node.tag == "mover":
        return f'accent({_arg(base)}, "{_ACCENTS[sign]}")'
    name = _OVER.get(sign, "")
    if name:
        return f"{'underline' if name == 'overline' and node.tag == 'munder' else name}({_arg(base)})"
    inner = base.children[-1].text.strip() if base.tag in {"mover", "munder"} and base.children else ""
    if _OVER.get(inner) in _BRACES:
        return f"{_OVER[inner]}({_arg(base.children[0])}, {_arg(mark)})"
    return f"attach({_limits(base)}, {'t' if node.tag == 'mover' else 'b'}: {_arg(mark)})"


def _limits(node: MathNode) -> str:
    return f"limits({_arg(node)})"


def _table(node: MathNode) -> str:
    rows = "; ".join(", ".join(_all(cell.children) or _EMPTY for cell in row.children) for row in node.children)
    left = "left" if any(cell.get("columnalign") == "left" for row in node.children for cell in row.children) else ""
    lines = ", augment: #1" if "solid" in node.get("columnlines").split()[:1] else ""
    return f"mat(delim: #none{', align: #left' if left else ''}{lines}, {rows or _EMPTY})"


def _aligned(node: MathNode) -> str:
    """Write a table that is the whole formula as lines set under each other at their signs."""
    if not node.get("displaystyle"):
        return _table(node)
    return " \\ ".join(" & ".join(_all(cell.children) or _EMPTY for cell in row.children) for row in node.children)


def _space(width: str) -> str:
    try:
        return f"#h({min(4.0, max(-1.0, float(width.removesuffix('em')))):g}em)"
    except ValueError:
        return ""


def _words(node: MathNode) -> str:
    return node.text + "".join(map(_words, node.children))


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
