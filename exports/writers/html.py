"""Writes transcripts as one web page that needs nothing else: styles and pictures are inside."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape

from exports.records import ConversationInfo, Message, Transcript
from exports.writers.blocks import blocks_of
from exports.writers.code import colours
from exports.writers.header import document_header, remarks, speaker, stamp, title, title_of_all
from exports.writers.html_blocks import HtmlMarkup
from exports.writers.image_files import ImageFolder
from pipeline.replies import StoredMedia
from pipeline.text.i18n import Catalogue

# Nothing a model or a person wrote is ever run or fetched, even if a mistake of ours let it through.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.65 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; max-width: 48rem;
  margin: 2rem auto; padding: 0 1rem; color: #1f2328; background: #fff }
h1 { font-size: 1.6rem; line-height: 1.3 } h2 { font-size: 1.3rem; margin-top: 3rem }
.facts { color: #57606a; font-size: .9rem; margin: .2rem 0 } .small { color: #6e7781; font-size: .75rem }
article { margin: 1.2rem 0; padding: .2rem 1rem .4rem; border-left: 3px solid #0f766e; overflow-wrap: anywhere }
article.human { border-color: #1a56db; background: #eef4ff; border-radius: 0 8px 8px 0 }
.who { font-weight: 600; color: #0f766e; margin: .3rem 0 } .human .who { color: #1a56db }
.who span { font-weight: 400; font-size: .75rem; color: #6e7781; margin-left: .5rem }
p { margin: .5rem 0 } .h1, .h2, .h3 { font-weight: 700; font-size: 1.1rem } .h4, .h5, .h6 { font-weight: 700 }
pre { background: #f6f8fa; color: #1f2328; padding: .7rem 1rem; border-radius: 6px; overflow-x: auto;
  font-size: .85rem }
code, .formula { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em }
.formula { color: #7c3aed }
p.formula { text-align: center }
blockquote { margin: .5rem 0; padding-left: 1rem; border-left: 3px solid #d0d7de; color: #57606a }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { border: 1px solid #d0d7de; padding: .3rem .6rem; min-width: 5rem }
img { max-width: 100%; border-radius: 6px } a { color: #0969da }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3 }
article.human { background: #121d2f } }
@media print { article { break-inside: avoid-page } body { max-width: none } th, td { min-width: 0 } }
"""


def write(transcripts: Sequence[Transcript], catalogue: Catalogue, pictures: ImageFolder) -> Iterator[str]:
    """Return the page in pieces."""
    name = escape(title_of_all([each.conversation for each in transcripts], catalogue))
    code = "\n".join(colours().values())
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


def _message(talk: ConversationInfo, message: Message, catalogue: Catalogue, pictures: ImageFolder) -> str:
    shown = "".join(f"<p>{_picture(media, pictures)}</p>" for media in message.media)
    if used := remarks(message, catalogue):
        shown += f'<p class="small">{escape(used)}</p>'
    return (
        f'<article class="{message.role}">\n<p class="who">{escape(speaker(talk, message))}'
        f"<span>{stamp(message.at)}</span></p>\n{HtmlMarkup().blocks(blocks_of(message))}{shown}\n</article>\n"
    )


def _picture(media: StoredMedia, pictures: ImageFolder) -> str:
    path = pictures.of(media)
    if path is None:
        return escape(f"📎 {media.name}")
    return f'<img alt="{escape(media.name)}" src="data:{media.mime};base64,{b64encode(path.read_bytes()).decode()}">'
