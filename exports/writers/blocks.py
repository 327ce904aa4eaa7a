"""A message as a small tree of blocks and spans, from which every format is written."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from markdown_it.common.normalize_url import normalizeLinkText
from markdown_it.token import Token

from exports.records import Message
from exports.writers.characters import newlines, right_to_left
from exports.writers.parsing import parse
from pipeline.text.markdown.html_tags import paired


@dataclass(frozen=True, slots=True)
class TextSpan:
    """Plain characters without a line break."""

    text: str


@dataclass(frozen=True, slots=True)
class Coded:
    """Code in a line."""

    text: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in a line, as it was written, and the LaTeX of it; none where it is shown as it was written."""

    text: str
    tex: str


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a line."""


@dataclass(frozen=True, slots=True)
class Styled:
    """Spans set apart."""

    style: str
    """strong, em or s."""
    inside: tuple["Span", ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """Spans that lead to an address; an address that leads nowhere outside the document is empty."""

    address: str
    inside: tuple["Span", ...]


@dataclass(frozen=True, slots=True)
class Pictured:
    """A picture somewhere else, which no export fetches."""

    address: str
    alt: str

    @property
    def words(self) -> str:
        """Return what stands in its place."""
        return f"🖼 {self.alt or self.address}"


@dataclass(frozen=True, slots=True)
class FootnoteMark:
    """The raised sign of a footnote."""

    label: str


Leaf = TextSpan | Coded | Formula | Break | Pictured | FootnoteMark
Span = Leaf | Styled | Linked


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of spans."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a message, `level` from 1."""

    level: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines of code, without the last line's end."""

    code: str
    language: str


@dataclass(frozen=True, slots=True)
class Display:
    """A formula on lines of its own, as `Formula`."""

    text: str
    tex: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """Blocks said by somebody else."""

    inside: tuple["Block", ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `start` is its first number, None for bullets."""

    start: int | None
    items: tuple[tuple["Block", ...], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `aligned` is start, left, center or right for each column."""

    head: tuple[tuple[Span, ...], ...]
    rows: tuple[tuple[tuple[Span, ...], ...], ...]
    aligned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Divider:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Footnote:
    """What a footnote's sign stands for."""

    label: str
    spans: tuple[Span, ...]


Block = Paragraph | Heading | Listing | Display | Quoted | Items | Grid | Divider | Footnote


# Up to the first character no address has; what is longer is shown and leads nowhere.
_ADDRESS = re.compile(r"https?://[\w\-.~:/?#\[\]@!$&'()*+,;=%]{3,}", re.ASCII | re.IGNORECASE)
_LONGEST_ADDRESS = 200
_BOXES = ("☐ ", "☑ ")
_SENTENCE = ".,;:!?'*_~)"
"""Signs at the end of an address that are the sentence's own."""


@lru_cache(maxsize=256)
def blocks_of(message: Message) -> tuple[Block, ...]:
    """Read a message: an answer as markdown, a question as it was typed, unless there is fenced code in it."""
    if message.role == "human" and "```" not in message.text:
        return tuple(_typed(message.text))
    return tuple(_blocks(iter(parse(message.text)), ""))


def plain(spans: Iterable[Span]) -> str:
    """Return the words of spans."""
    return "".join(map(_plain, leaves(spans)))


def leaves(spans: Iterable[Span]) -> Iterator[Leaf]:
    """Return spans without what sets them apart or links them."""
    for span in spans:
        match span:
            case Styled(_, inside) | Linked(_, inside):
                yield from leaves(inside)
            case _:
                yield span


def _plain(leaf: Leaf) -> str:
    match leaf:
        case TextSpan(text) | Coded(text) | Formula(text) | FootnoteMark(text):
            return text
        case Break():
            return "\n"
        case Pictured():
            return leaf.words


def runs(block: Block) -> Iterator[tuple[Iterable[Span], bool]]:
    """Return all spans of a block, in runs, and of each run whether it is a cell of a table."""
    match block:
        case Paragraph(spans) | Heading(_, spans) | Footnote(_, spans):
            yield spans, False
        case Listing(code):
            yield (Coded(code),), False
        case Display(text, tex):
            yield (Formula(text, tex),), False
        case Quoted(inside):
            yield from (run for each in inside for run in runs(each))
        case Items(_, items):
            yield from (run for item in items for each in item for run in runs(each))
        case Grid(head, rows):
            yield from ((cell, True) for row in (head, *rows) for cell in row)
        case Divider():
            return


def runs_right_to_left(block: Block) -> bool | None:
    """Whether a block runs from right to left, by its first letter, as code never does; None without a letter."""
    if isinstance(block, Listing | Display):
        return False
    return next((found for run, _ in runs(block) if (found := right_to_left(plain(run))) is not None), None)


def _typed(text: str) -> Iterator[Block]:
    for part in newlines(text).strip("\n").split("\n\n"):
        lines = part.strip("\n").split("\n")
        spans: list[Span] = []
        for line in lines:
            indent = len(line) - len(line.lstrip(" "))
            spans += [*_linked("\u00a0" * indent + line.strip(" "), decoded=False), Break()]
        yield Paragraph(tuple(spans[:-1]))


def _blocks(tokens: Iterator[Token], until: str) -> Iterator[Block]:  # noqa: PLR0912 (a case each)
    for token in tokens:
        if token.type == until:
            return
        match token.type:
            case "paragraph_open":
                yield from _paragraphs(_inline(tokens))
            case "heading_open":
                yield Heading(int(token.tag[1]), _inline(tokens))
            case "fence" | "code_block":
                language = (token.info.split() or [""])[0]
                yield Listing(token.content.removesuffix("\n"), language)
            case "formula_block":
                yield Display(token.meta["written"], "" if token.hidden else token.meta["latex"])
            case "blockquote_open":
                yield Quoted(tuple(_blocks(tokens, "blockquote_close")))
            case "bullet_list_open":
                yield Items(None, tuple(_items(tokens, "bullet_list_close")))
            case "ordered_list_open":
                yield Items(int(token.attrGet("start") or 1), tuple(_items(tokens, "ordered_list_close")))
            case "table_open":
                yield _grid(tokens)
            case "definition":
                address = str(token.meta["url"])
                shown = TextSpan(normalizeLinkText(address))
                yield Paragraph((TextSpan(f"[{token.meta['label']}]: "), Linked(_outside(address), (shown,))))
            case "hr":
                yield Divider()
            case other:
                raise ValueError(f"no block is written for {other!r}")


def _paragraphs(spans: tuple[Span, ...]) -> Iterator[Block]:
    """Take the footnotes out of a paragraph, each of which begins a line with its sign."""
    begin = 0
    label = ""
    for place, span in enumerate(spans):
        match span, spans[place + 1 : place + 2]:
            case FootnoteMark(found), (TextSpan(text),) if text.startswith(":") and (
                not place or isinstance(spans[place - 1], Break)
            ):
                yield from _paragraph(label, spans[begin : max(begin, place - 1)])
                begin, label = place + 1, found
            case _:
                pass
    yield from _paragraph(label, spans[begin:])


def _paragraph(label: str, spans: tuple[Span, ...]) -> Iterator[Block]:
    match spans:
        case (TextSpan(text), *rest) if label:
            yield Footnote(label, (TextSpan(text.removeprefix(":").lstrip()), *rest))
        case (_, *_):
            yield Paragraph(spans)
        case _:
            return


def _items(tokens: Iterator[Token], until: str) -> Iterator[tuple[Block, ...]]:
    for token in tokens:
        if token.type == until:
            return
        yield _ticked(tuple(_blocks(tokens, "list_item_close")))


def _ticked(item: tuple[Block, ...]) -> tuple[Block, ...]:
    """Draw the box of something to do."""
    match item:
        case (Paragraph((TextSpan(text), *rest)), *others) if text[:4].lower() in {"[ ] ", "[x] "}:
            box = _BOXES[text[1] != " "]
            return (Paragraph((TextSpan(box + text[4:]), *rest)), *others)
        case _:
            return item


def are_tasks(items: Iterable[tuple[Block, ...]]) -> bool:
    """Whether every item of a list begins with the box of something to do, which stands in place of its bullet."""
    return all(map(_begins_with_box, items))


def _begins_with_box(item: tuple[Block, ...]) -> bool:
    match item:
        case (Paragraph((TextSpan(text), *_)), *_):
            return text.startswith(_BOXES)
        case _:
            return False


def _grid(tokens: Iterator[Token]) -> Grid:
    rows: list[list[tuple[Span, ...]]] = []
    aligned: list[str] = []
    for token in tokens:
        match token.type:
            case "tr_open":
                rows.append([])
            case "th_open":
                aligned.append(str(token.attrGet("style") or "text-align:start").partition(":")[2])
                rows[-1].append(_inline(tokens))
            case "td_open":
                rows[-1].append(_inline(tokens))
            case "table_close":
                break
            case _:
                continue
    return Grid(tuple(rows[0]), tuple(tuple(row) for row in rows[1:]), tuple(aligned))


def _inline(tokens: Iterator[Token]) -> tuple[Span, ...]:
    """Return the spans of the next token, and pass over the one that closes their block."""
    spans = tuple(_spans(iter(paired(next(tokens).children or [])), ""))
    next(tokens)
    return spans


def _linked(text: str, *, decoded: bool = True) -> Iterator[Span]:
    """Make links of the addresses that stand among words."""
    end = 0
    for found in _ADDRESS.finditer(text) if "://" in text else ():
        address = found[0].rstrip(_SENTENCE.replace(")", "") if "(" in found[0] else _SENTENCE)
        if len(address) > _LONGEST_ADDRESS:
            continue
        if text[end : found.start()]:
            yield TextSpan(text[end : found.start()])
        yield Linked(address, (TextSpan(normalizeLinkText(address) if decoded else address),))
        end = found.start() + len(address)
    if text[end:]:
        yield TextSpan(text[end:])


def _spans(tokens: Iterator[Token], until: str) -> Iterator[Span]:
    for token in tokens:
        if token.type == until:
            return
        match token.type:
            case "text" | "text_special":
                yield from (TextSpan(token.content),) if until == "link_close" else _linked(token.content)
            case "code_inline":
                yield Coded(token.content)
            case "formula":
                yield Formula(token.meta["written"], "" if token.hidden else token.meta["latex"])
            case "footnote_mark":
                yield FootnoteMark(token.content)
            case "colour_open" | "colour_close":
                # WeCom's own way to colour words; the words are what matters on a page.
                continue
            case "softbreak" | "hardbreak":
                # People in a chat mean a line's end where they made one.
                yield Break()
            case "strong_open" | "em_open" | "s_open":
                style = token.type.removesuffix("_open")
                yield Styled(style, tuple(_spans(tokens, f"{style}_close")))
            case "link_open":
                yield Linked(_outside(str(token.attrGet("href") or "")), tuple(_spans(tokens, "link_close")))
            case "image":
                yield Pictured(_outside(str(token.attrGet("src") or "")), token.content)
            case other:
                raise ValueError(f"no span is written for {other!r}")


def _outside(address: str) -> str:
    """Return an address a reader can follow; one within a page we did not make leads nowhere, and breaks PyMuPDF."""
    return address if address.startswith(("http://", "https://", "mailto:", "tel:")) else ""
