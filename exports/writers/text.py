"""Writes transcripts as plain text: the words as they were said, nothing laid out."""

from collections.abc import Iterator, Sequence

from exports.records import Transcript
from exports.writers.header import document_header, remarks, speaker, stamp, title_of_all
from pipeline.text.i18n import Catalogue

_RULE = "=" * 40


def write(transcripts: Sequence[Transcript], catalogue: Catalogue) -> Iterator[str]:
    """Return the document in pieces."""
    if len(transcripts) > 1:
        yield f"{title_of_all([each.conversation for each in transcripts], catalogue)}\n\n"
    for transcript in transcripts:
        about = document_header(transcript.head(), catalogue)
        yield "\n".join(line for line in (_RULE, about.title, *about.lines, about.small_print, _RULE) if line) + "\n\n"
        for message in transcript.messages:
            yield f"[{stamp(message.at)}] {speaker(transcript.conversation, message)}\n{message.text}\n"
            yield "".join(f"📎 {media.name}\n" for media in message.media)
            used = remarks(message, catalogue)
            yield f"{used}\n\n" if used else "\n"
