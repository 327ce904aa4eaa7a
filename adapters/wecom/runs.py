"""Inline content as lines of runs: words that are all bold or not, all one link or none, without any nesting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token

from adapters.wecom.tags import paired


@dataclass(frozen=True, slots=True)
class Run:
    """Words of one look; `href` is where they lead, `colour` one of WeCom's three."""

    text: str
    bold: bool = False
    code: bool = False
    struck: bool = False
    picture: bool = False
    href: str = ""
    colour: str = ""

    def looks_like(self, other: "Run") -> bool:
        """Say whether both could be one run; two pictures never are."""
        return (
            self.bold == other.bold
            and self.code == other.code
            and self.struck == other.struck
            and self.href == other.href
            and self.colour == other.colour
            and not (self.picture or other.picture)
        )


Line = tuple[Run, ...]


def lines(tokens: Sequence[Token]) -> tuple[Line, ...]:
    """Give inline tokens as lines, without those that hold nothing."""
    done: list[list[Run]] = [[]]
    for run in _runs(paired(list(tokens))):
        if run is None:
            done.append([])
        else:
            done[-1].append(run)
    return tuple(merged(line) for line in done if line)


def merged(line: Sequence[Run]) -> Line:
    """Give the line with neighbours of one look in one run."""
    done: list[Run] = []
    for run in line:
        if done and run.looks_like(done[-1]):
            done[-1] = replace(run, text=done[-1].text + run.text)
        else:
            done.append(run)
    return tuple(done)


def _runs(tokens: Sequence[Token]) -> Iterator[Run | None]:
    """Give the runs in order, None for the end of a line."""
    bold = 0
    look = Run("")
    empty_link = False
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                yield None
            case "strong_open" | "strong_close":
                bold += token.nesting
                look = replace(look, bold=bold > 0)
            case "s_open" | "s_close":
                look = replace(look, struck=token.nesting > 0)
            case "colour_open" | "colour_close":
                look = replace(look, colour=token.info)
            case "link_open":
                look = replace(look, href=str(token.attrs.get("href", "")))
                empty_link = True
            case "link_close":
                if empty_link and look.href:
                    yield replace(look, text=look.href)
                look = replace(look, href="")
            case "image":
                empty_link = False
                yield _picture(token, look)
            case "code_inline":
                empty_link = False
                yield replace(look, text=token.content, code=True)
            case _:
                # Text; a marker that turned into emphasis is one without content.
                if token.content:
                    empty_link = False
                    yield replace(look, text=token.content)


def _picture(token: Token, look: Run) -> Run:
    alt = "".join(child.content for child in token.children or [] if child.type in {"text", "code_inline", "formula"})
    return replace(look, text=alt, picture=True, href=str(token.attrs.get("src", "")))
