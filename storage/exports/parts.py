"""Cuts what is exported into parts that are rendered one by one, so that memory does not grow with the whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from storage.exports.records import Message, Talk, Transcript


@dataclass(frozen=True, slots=True)
class Part:
    """Conversations, the first of which may have begun in the part before; `first` numbers its first message."""

    transcripts: tuple[Transcript, ...]
    first: int = 1
    goes_on: bool = False

    def numbered(self) -> Iterator[tuple[int, Talk, Message]]:
        """Give each message with its number."""
        number = self.first
        for transcript in self.transcripts:
            for message in transcript.messages:
                yield number, transcript.talk, message
                number += 1


def parts(transcripts: Sequence[Transcript], most: int) -> Iterator[Part]:
    """Give parts of at most `most` messages each."""
    held: list[Transcript] = []
    room, first, number, goes_on = most, 1, 1, False
    for transcript in transcripts:
        said = transcript.messages
        while True:
            now, said = said[:room], said[room:]
            held.append(replace(transcript, messages=now))
            room -= len(now)
            number += len(now)
            if room:
                break
            yield Part(tuple(held), first, goes_on)
            held, room, first, goes_on = [], most, number, bool(said)
            if not said:
                break
    if held:
        yield Part(tuple(held), first, goes_on)
