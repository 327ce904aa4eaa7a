"""Inline content as lines of runs: words that are all bold or not, all one link or none, without any nesting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token

from pipeline.text.markdown.html_tags import paired


@dataclass(frozen=True, slots=True)
class InlineRun:
    """Words of one look; `href` is where they lead, `colour` one of WeCom's three."""

    text: str
    bold: bool = False
    code: bool = False
    struck: bool = False
    picture: bool = False
    href: str = ""
    colour: str = ""

    def same_style(self, other: "InlineRun") -> bool:
        """Whether both could be one run; two pictures never are."""
        return (
            self.bold == other.bold
            and self.code == other.code
            and self.struck == other.struck
            and self.href == other.href
            and self.colour == other.colour
            and not (self.picture or other.picture)
        )


Line = tuple[InlineRun, ...]


def lines(tokens: Sequence[Token]) -> tuple[Line, ...]:
    """Return inline tokens as lines, without those that hold nothing."""
    done: list[list[InlineRun]] = [[]]
    for run in _runs(paired(list(tokens))):
        if run is None:
            done.append([])
        else:
            done[-1].append(run)
    return tuple(merged(line) for line in done if line)


def merged(line: Sequence[InlineRun]) -> Line:
    """Return the line with neighbours of one look in one run."""
    done: list[InlineRun] = []
    for run in line:
        if done and run.same_style(done[-1]):
            done[-1] = replace(run, text=done[-1].text + run.text)
        else:
            done.append(run)
    return tuple(done)


def _runs(tokens: Sequence[Token]) -> Iterator[InlineRun | None]:
    """Return the runs in order, None for the end of a line."""
    style = InlineRun("")
    link: InlineRun | None = None
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                if link is None:
                    yield None
                else:
                    link = replace(link, text=f"{link.text} ")
            case "strong_open" | "strong_close" | "s_open" | "s_close" | "colour_open" | "colour_close":
                style = _changed(style, token)
            case "link_open":
                link = replace(style, href=str(token.attrs.get("href", "")))
            case "link_close" if link is not None:
                yield from _shown(link)
                link = None
            case "image" if link is not None:
                link = replace(link, text=link.text + _alt(token), picture=True)
            case "image":
                yield replace(style, text=_alt(token), picture=True, href=str(token.attrs.get("src", "")))
            case _ if link is not None:
                # A link has one look: what is bold or code in it is not.
                link = replace(link, text=link.text + token.content)
            case _:
                # Text; a marker that turned into emphasis is one without content.
                if token.content:
                    yield replace(style, text=token.content, code=token.type == "code_inline" and not style.struck)


def _changed(style: InlineRun, token: Token) -> InlineRun:
    """Return the look from a token that opens or closes one on."""
    if token.tag == "strong":
        return replace(style, bold=token.nesting > 0)
    if token.tag == "s":
        return replace(style, struck=token.nesting > 0)
    return replace(style, colour=token.info)


def _shown(link: InlineRun) -> Iterator[InlineRun]:
    """Return a link that can be seen: one without words shows where it leads."""
    if link.text.strip() or link.picture:
        yield link
    elif link.href:
        yield replace(link, text=link.href)


def _alt(picture: Token) -> str:
    return "".join(child.content for child in picture.children or () if child.nesting == 0)
