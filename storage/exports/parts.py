"""Cuts what is exported into parts that are rendered one by one, so that memory does not grow with the whole."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from storage.exports.records import Head, Message, Talk, Transcript

_MESSAGES = 100
"""Messages of a part."""


@dataclass(frozen=True, slots=True)
class Part:
    """Conversations with their heads, the first of which may have begun in the part before.

    `first` numbers the first message.
    """

    transcripts: tuple[Transcript, ...]
    heads: tuple[Head, ...]
    first: int = 1
    goes_on: bool = False

    def numbered(self) -> Iterator[tuple[int, Talk, Message]]:
        """Give each message with its number."""
        number = self.first
        for transcript in self.transcripts:
            for message in transcript.messages:
                yield number, transcript.talk, message
                number += 1


PART = TypeAdapter(Part)


def parts(transcripts: Sequence[Transcript], most: int = _MESSAGES) -> Iterator[Part]:
    """Give parts of at most `most` messages each."""
    held: list[Transcript] = []
    heads: list[Head] = []
    room, first, number, goes_on = most, 1, 1, False
    for transcript in transcripts:
        said, head = transcript.messages, transcript.head()
        while True:
            now, said = said[:room], said[room:]
            held.append(replace(transcript, messages=now))
            heads.append(head)
            room -= len(now)
            number += len(now)
            if room:
                break
            yield Part(tuple(held), tuple(heads), first, goes_on)
            held, heads, room, first, goes_on = [], [], most, number, bool(said)
            if not said:
                break
    if held:
        yield Part(tuple(held), tuple(heads), first, goes_on)


def whole(cut: Iterable[Part]) -> list[Transcript]:
    """Put conversations together again that were cut."""
    found: list[tuple[Talk, list[Message]]] = []
    for part in cut:
        for place, transcript in enumerate(part.transcripts):
            if place or not part.goes_on:
                found.append((transcript.talk, []))
            found[-1][1].extend(transcript.messages)
    return [Transcript(talk, tuple(said)) for talk, said in found]
