"""Writes transcripts as one web page that needs nothing else: styles and pictures are inside."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape

from exports.records import ConversationInfo, Message, Transcript
from exports.writers.blocks import Span, Styled, blocks_of, plain
from exports.writers.code import colours, dark_colours
from exports.writers.header import document_header, remarks, speaker, stamp, title, title_of_all
from exports.writers.html_blocks import HtmlMarkup, Scrolled
from exports.writers.image_files import ImageFolder
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Catalogue

# Nothing a model or a person wrote is ever run or fetched, even if a mistake of ours let it through.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --grey: #57606a; --faint: #656d76; --rule: #d0d7de; --page: #fff;
  --tint: #f3f6fb; --code: #f6f8fa; --link: #0b57c0; --person: #1a56db; --machine: #0f766e; --formula: #6f42c1 }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --grey: #9da7b1; --faint: #8b949e;
  --rule: #30363d; --page: #0d1117; --tint: #141d2b; --code: #161b22; --link: #6cb6ff; --person: #6ea8fe;
  --machine: #4fd1c5; --formula: #c8a6ff } }
* { box-sizing: border-box }
body { font: 16px/1.7 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; max-width: 46rem;
  margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--page); overflow-wrap: break-word }
h1 { font-size: 1.6rem; line-height: 1.3 } h2 { font-size: 1.3rem; margin-top: 3rem }
.facts { color: var(--grey); font-size: .9rem; margin: .2rem 0 } .small { color: var(--faint); font-size: .75rem }
article { margin: 1.4rem 0 } article.human { margin-top: 2.2rem; padding: .4rem 1rem .6rem; background: var(--tint);
  border-left: 3px solid var(--person); border-radius: 0 8px 8px 0 }
.who { font-weight: 600; color: var(--machine); margin: .2rem 0 .4rem } .human .who { color: var(--person) }
.who span { font-weight: 400; font-size: .75rem; color: var(--faint); margin-left: .6rem }
p { margin: .55rem 0 } p, li, th, td, h1, h2, figcaption { unicode-bidi: plaintext }
.h1, .h2, .h3 { font-weight: 700; font-size: 1.12rem; margin-top: 1.2rem }
.h4, .h5, .h6 { font-weight: 700 } .note { color: var(--grey); font-size: .88rem }
pre { background: var(--code); padding: .7rem .9rem; border-radius: 6px; overflow-x: auto; font-size: .85rem;
  line-height: 1.5; tab-size: 4; direction: ltr; text-align: left }
code, .formula { font-family: ui-monospace, Menlo, Consolas, "Noto Sans Mono CJK SC", monospace; font-size: .9em }
:not(pre) > code { background: var(--code); padding: .1em .3em; border-radius: 4px }
.formula { color: var(--formula) } p.formula { text-align: center }
.display, .table { overflow-x: auto; margin: .8rem 0 } math { font-size: 1.08em }
blockquote { margin: .6rem 0; padding-inline-start: 1rem; border-inline-start: 3px solid var(--rule);
  color: var(--grey) }
ul, ol { padding-inline-start: 1.6em } .tasks { list-style: none; padding-inline-start: .3em } li { margin: .25rem 0 }
:dir(rtl) > li { text-align: right } :dir(ltr) > li { text-align: left }
table { border-collapse: collapse; font-size: .95em } th { border-bottom: 2px solid var(--rule); white-space: nowrap }
th, td { border-top: 1px solid var(--rule); padding: .35rem .7rem; vertical-align: top; min-width: 4.5em;
  max-width: 22em } td { min-width: 8em } td.long { min-width: 11em } td.short { min-width: 4.5em; white-space: nowrap }
hr { border: 0; border-top: 1px solid var(--rule) }
.dots { font-style: normal; text-emphasis: dot; text-emphasis-position: under right }
figure { margin: .8rem 0 } figcaption { color: var(--grey); font-size: .8rem }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
img { max-width: 100%; height: auto; border-radius: 6px } a { color: var(--link); overflow-wrap: anywhere }
@media (max-width: 30rem) { body { margin: 1rem auto; padding: 0 .8rem } h1 { font-size: 1.35rem } }
@media print { .human, .who, .h1, .h2, .h3 { break-after: avoid } body { max-width: none } tr { break-inside: avoid } }
"""


_NARROW = 30
"""Characters that a phone shows beside one another."""


class _PageMarkup(HtmlMarkup):
    """HTML in which a keyboard reaches what a page must scroll sideways for, and a screen reader names it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def span(self, span: Span) -> str:
        match span:
            case Styled("em", inside) if not plain(inside).isascii():
                # There is no slanted Chinese: it has dots below.
                return f'<em class="dots">{self.spans(inside)}</em>'
            case _:
                return super().span(span)

    def scrolled(self, kind: Scrolled, width: int) -> str:
        if width <= _NARROW:
            return ""
        return f' tabindex="0" role="group" aria-label="{escape(self._catalogue.text(f"document.{kind}"))}"'


def write(transcripts: Sequence[Transcript], catalogue: Catalogue, pictures: ImageFolder) -> Iterator[str]:
    """Return the page in pieces."""
    name = escape(title_of_all([each.conversation for each in transcripts], catalogue))
    code = "\n".join([*colours().values(), "@media screen and (prefers-color-scheme: dark) {", dark_colours(), "}"])
    yield (
        f'<!doctype html>\n<html lang="{catalogue.language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{name}</title>\n'
        f"<style>{_STYLE}{code}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
    )
    if len(transcripts) > 1:
        yield "<ol>\n"
        for place, transcript in enumerate(transcripts):
            yield f'<li><a href="#c{place}">{escape(title(transcript.conversation, catalogue))}</a></li>\n'
        yield "</ol>\n"
    for place, transcript in enumerate(transcripts):
        yield from _conversation(transcript, place, catalogue, pictures, headed=len(transcripts) > 1)
    yield "</body>\n</html>\n"


def _conversation(
    transcript: Transcript, place: int, catalogue: Catalogue, pictures: ImageFolder, *, headed: bool
) -> Iterator[str]:
    about = document_header(transcript.head(), catalogue)
    if headed:
        yield f'<h2 id="c{place}">{escape(about.title)}</h2>\n'
    for line in about.lines:
        yield f'<p class="facts">{escape(line)}</p>\n'
    if about.small_print:
        yield f'<p class="small">{escape(about.small_print)}</p>\n'
    for message in transcript.messages:
        yield _message(transcript.conversation, message, catalogue, pictures)


def _message(conversation: ConversationInfo, message: Message, catalogue: Catalogue, pictures: ImageFolder) -> str:
    shown = "".join(_picture(media, pictures) for media in message.media)
    if used := remarks(message, catalogue):
        shown += f'<p class="small">{escape(used)}</p>'
    return (
        f'<article class="{message.role}">\n<p class="who">{escape(speaker(conversation, message))}'
        f"<span>{stamp(message.at)}</span></p>\n{_PageMarkup(catalogue).blocks(blocks_of(message))}{shown}\n</article>\n"
    )


def _picture(media: StoredMedia, pictures: ImageFolder) -> str:
    path = pictures.of(media)
    name = escape(media.name)
    if path is None:
        return f"<p>📎 {name}</p>"
    source = f"data:{media.mime};base64,{b64encode(path.read_bytes()).decode()}"
    return f'<figure><img alt="{name}" src="{source}"><figcaption>{name}</figcaption></figure>'
