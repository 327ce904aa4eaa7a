"""Shows an app's message as WeCom does: its markdown subset, or plain words with links, as safe HTML.

The subset has headings, bold, links, inline code, quotes and three colours (wecom-protocol.md 4). It has no fences:
WeCom shows them as they were written; here they are set apart to be readable. A bot's markdown has tables, too (8).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

from markupsafe import Markup, escape

from pipeline.text.unicode import visible_controls

_HEADING = re.compile(r"(#{1,6}) +(\S.*)")
_FENCE = re.compile(r"(`{3,})([^`]*)$")
_SEPARATOR = re.compile(r"\s*+(?:\|\s*+)?:?-{1,200}:?\s*+(?:\|\s*+:?-{1,200}:?\s*+){0,200}\|?\s*+")
_CELL_END = re.compile(r"(?<!\\)\|")
# Bounded, because what is opened again and again and never closed would be looked for to the end each time.
_INLINE = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|\*\*(?P<bold>\S(?:.{0,500}?\S)??)\*\*"
    r"|\[(?P<label>[^\[\]]+)\]\((?P<href>[^()\s]+)\)"
    r'|<font color="(?P<colour>info|comment|warning)">(?P<coloured>.{0,500}?)</font>'
)
_WORDS = re.compile(
    r'<a href="(?P<href>[^"]*)">(?P<label>[^<]*)</a>|(?P<bare>https?://[^\s<>"“”‘’（）《》【】，。；！？、]+)',
    re.IGNORECASE,
)
_LIVE = re.compile(r"https?://", re.IGNORECASE)
_TRAILING = ".,;:!?)'"
_BREAK = Markup("<br>")
_HEAD_CELL = Markup("<th>{}</th>")
_CELL = Markup("<td>{}</td>")


def markdown(text: str, *, tables: bool = False) -> Markup:
    """Return the HTML of a markdown message; `tables` for that of a bot, whose markdown has them."""
    return Markup().join(_blocks(visible_controls(text).split("\n"), tables=tables))


def plain(text: str) -> Markup:
    """Return the HTML of a text message: its lines as they are, its links live."""
    return Markup('<p class="plain">{}</p>').format(Markup().join(_linked(visible_controls(text))))


def _blocks(lines: Sequence[str], *, tables: bool) -> Iterator[Markup]:
    place = 0
    while place < len(lines):
        fence = _FENCE.fullmatch(lines[place])
        if fence is None:
            end = next((at for at in range(place, len(lines)) if _FENCE.fullmatch(lines[at])), len(lines))
            yield from _prose_and_tables(lines[place:end]) if tables else _prose(lines[place:end])
            place = end
            continue
        closing = (at for at in range(place + 1, len(lines)) if lines[at].rstrip() == fence[1])
        end = next(closing, len(lines))
        yield _fenced(fence[2].strip(), lines[place + 1 : end])
        place = end + 1


def _fenced(language: str, code: Sequence[str]) -> Markup:
    name = Markup("<figcaption>{}</figcaption>").format(language) if language else Markup()
    return Markup('<figure class="code">{}<pre tabindex="0"><code>{}</code></pre></figure>').format(
        name, "\n".join(code)
    )


def _prose_and_tables(lines: Sequence[str]) -> Iterator[Markup]:
    place = 0
    while place < len(lines):
        start = next((at for at in range(place, len(lines)) if _begins_table(lines[at : at + 2])), len(lines))
        yield from _prose(lines[place:start])
        end = next((at for at in range(start, len(lines)) if "|" not in lines[at]), len(lines))
        if start < end:
            yield _table(lines[start], lines[start + 2 : end])
        place = end


def _begins_table(lines: Sequence[str]) -> bool:
    return len(lines) > 1 and "|" in lines[0] and _SEPARATOR.fullmatch(lines[1]) is not None


def _table(header: str, rows: Sequence[str]) -> Markup:
    made = Markup('<div class="table" tabindex="0"><table><thead>{}</thead><tbody>{}</tbody></table></div>')
    return made.format(_row(header, _HEAD_CELL), Markup().join(_row(row, _CELL) for row in rows))


def _row(line: str, cell: Markup) -> Markup:
    cells = _CELL_END.split(line.strip().removeprefix("|").removesuffix("|"))
    return Markup("<tr>{}</tr>").format(Markup().join(cell.format(_inline(each.strip())) for each in cells))


def _prose(lines: Sequence[str]) -> Iterator[Markup]:
    for kind, group in groupby(lines, _kind):
        match kind:
            case "blank":
                pass
            case "quote":
                inner = _BREAK.join(_inline(line[1:].removeprefix(" ")) for line in group)
                yield Markup("<blockquote>{}</blockquote>").format(inner)
            case "heading":
                yield from map(_heading, group)
            case "words":
                yield Markup("<p>{}</p>").format(_BREAK.join(map(_inline, group)))


def _kind(line: str) -> Literal["blank", "quote", "heading", "words"]:
    if not line.strip():
        return "blank"
    if line.startswith(">"):
        return "quote"
    return "heading" if _HEADING.fullmatch(line) else "words"


def _heading(line: str) -> Markup:
    found = _HEADING.fullmatch(line)
    assert found is not None  # noqa: S101 (what made it a heading)
    return Markup('<p class="heading h{}" role="heading" aria-level="{}">{}</p>').format(
        len(found[1]), len(found[1]), _inline(found[2])
    )


def _inline(text: str) -> Markup:
    done = Markup()
    place = 0
    for found in _INLINE.finditer(text):
        done += escape(text[place : found.start()]) + _marked(found)
        place = found.end()
    return done + escape(text[place:])


def _marked(found: re.Match[str]) -> Markup:
    match found.lastgroup:
        case "code":
            return Markup("<code>{}</code>").format(found["code"])
        case "bold":
            return Markup("<strong>{}</strong>").format(_inline(found["bold"]))
        case "href":
            return _link(found["label"], found["href"]) or escape(found[0])
        case _:
            return Markup('<span class="colour-{}">{}</span>').format(found["colour"], _inline(found["coloured"]))


def _linked(text: str) -> Iterator[Markup]:
    place = 0
    for found in _WORDS.finditer(text):
        yield escape(text[place : found.start()])
        place = found.end()
        if found["bare"] is None:
            yield _link(found["label"], found["href"]) or escape(found["label"])
            continue
        address = found["bare"].rstrip(_TRAILING)
        yield (_link(address, address) or escape(address)) + escape(found["bare"][len(address) :])
    yield escape(text[place:])


def _link(label: str, href: str) -> Markup | None:
    """Return a link to a web page; any other scheme could run something, and is none."""
    if not _LIVE.match(href):
        return None
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(href, label)
