"""Mask what people wrote in a transcript, also in its title, which may be a question cut off in the middle."""

import re
from dataclasses import replace

from exports.records import Transcript
from pipeline.text.privacy import Masker
from pipeline.text.privacy_text import PlainText

_CUT = "…"
"""How a title ends that was too long."""
_TAIL = re.compile(r"[!-~ \n·]*$")


def mask_transcript(transcript: Transcript, mask: Masker) -> Transcript:
    """Return a conversation with everything masked that somebody wrote; user ids stay or go by the list of names."""
    conversation = transcript.conversation
    return Transcript(
        replace(
            conversation,
            title=_title(transcript, mask),
            persona=mask(conversation.persona),
            user=mask.names_in(conversation.user),
        ),
        tuple(
            replace(
                said,
                text=mask(said.text),
                note=mask(said.note),
                ratings=tuple(
                    replace(each, user=mask.names_in(each.user), note=mask(each.note)) for each in said.ratings
                ),
                media=tuple(replace(media, name=mask(media.name)) for media in said.media),
                tools=tuple(replace(tool, arguments=mask(tool.arguments)) for tool in said.tools),
            )
            for said in transcript.messages
        ),
    )


def _title(transcript: Transcript, mask: Masker) -> str:
    title = transcript.conversation.title
    if not title.endswith(_CUT):
        return mask(title)
    begin = title.removesuffix(_CUT)
    first = " ".join(transcript.messages[0].text.split()) if transcript.messages else ""
    if first.startswith(begin):
        masked = mask(first)
        return masked if len(masked) <= len(title) else masked[: len(begin)] + _CUT
    # The question is not here: what may have been cut in two goes.
    plain = PlainText(begin)
    left = mask(plain.original_before(_TAIL.search(plain.text)))
    halves = (name[:end] for name in mask.names for end in range(len(name) - 1, 0, -1))
    return left.removesuffix(next((half for half in halves if left.endswith(half)), "")) + _CUT
