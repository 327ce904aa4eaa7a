"""The first page of an archive: every conversation in it, by person, with a link to its document."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from urllib.parse import quote

from exports.manifest import IndexLine
from exports.records import Transcript
from exports.writers.header import stamp, title
from pipeline.text.i18n import Catalogue

NAME = "index.html"

_STYLE = """
:root { color-scheme: light dark } body { font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word }
h2 { font-size: 1.1rem; margin-top: 2rem } ol { list-style: none; padding: 0 } li { margin: .5rem 0 }
span { color: gray; font-size: .8rem; margin-left: .5rem }
"""


def index_line(transcript: Transcript, catalogue: Catalogue) -> IndexLine:
    """Return what the page says of a conversation."""
    conversation = transcript.conversation
    name = " ".join(title(conversation, catalogue).split())
    return IndexLine(
        conversation.channel,
        conversation.user,
        conversation.number,
        name,
        conversation.started_at,
        len(transcript.messages),
    )


def index_page(lines: Sequence[tuple[IndexLine, str]], catalogue: Catalogue) -> Iterator[str]:
    """Return the page in pieces, from the conversations with the paths of their documents."""
    name = escape(catalogue.text("document.several", conversations=len(lines)))
    yield (
        f'<!doctype html>\n<html lang="{catalogue.language}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{name}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
    )
    ordered = sorted(lines, key=lambda each: (each[0].channel, each[0].user, each[0].number))
    for (channel, user), conversations in groupby(ordered, lambda each: (each[0].channel, each[0].user)):
        yield f"<h2>{escape(user)}<span>{escape(channel)}</span></h2>\n<ol>\n"
        for line, path in conversations:
            yield (
                f'<li>{line.number}. <a href="{escape(quote(path))}">{escape(line.title)}</a>'
                f"<span>{stamp(line.at)} · {line.messages}</span></li>\n"
            )
        yield "</ol>\n"
    yield "</body>\n</html>\n"
