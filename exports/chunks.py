"""Cuts what is exported into parts that are rendered one by one, so that memory does not grow with the whole."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from exports.records import ConversationInfo, Head, Message, Transcript

_MESSAGES = 100
"""Messages of a part."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Conversations as they are cut, before all is known of them.

    `first` numbers the first message, `place` the first conversation (from 0), which may have begun in the cut before.
    """

    transcripts: tuple[Transcript, ...]
    first: int
    place: int
    goes_on: bool

    def part(self, heads: Sequence[Head]) -> "RenderPart":
        """Add the heads it needs of those of all conversations."""
        here = heads[self.place : self.place + len(self.transcripts)]
        return RenderPart(self.transcripts, tuple(here), self.first, self.goes_on)


CHUNK = TypeAdapter(Chunk)


@dataclass(frozen=True, slots=True)
class RenderPart:
    """Conversations with their heads, the first of which may have begun in the part before.

    `first` numbers the first message.
    """

    transcripts: tuple[Transcript, ...]
    heads: tuple[Head, ...]
    first: int = 1
    goes_on: bool = False

    def numbered(self) -> Iterator[tuple[int, ConversationInfo, Message]]:
        """Return each message with its number."""
        number = self.first
        for transcript in self.transcripts:
            for message in transcript.messages:
                yield number, transcript.conversation, message
                number += 1


class Chunker:
    """Cuts conversations, which may come piece by piece, after every `most` messages."""

    def __init__(self, most: int = _MESSAGES) -> None:
        self.heads: list[Head] = []
        """Of all conversations that have come."""
        self._most = self._room = most
        self._first = 1
        self._held: list[Transcript] = []
        self._goes_on = False

    def add(self, piece: Transcript) -> Iterator[Chunk]:
        """Take a conversation, or the next piece of the latest one; return what is full. An empty one is left out."""
        if not piece.messages:
            return
        goes_on = bool(self.heads) and self.heads[-1].conversation.id == piece.conversation.id
        if goes_on:
            self.heads[-1] = self.heads[-1].joined(piece.head())
        else:
            self.heads.append(piece.head())
        said = piece.messages
        while said:
            now, said = said[: self._room], said[self._room :]
            self._hold(replace(piece, messages=now), goes_on=goes_on)
            goes_on = True
            self._room -= len(now)
            if not self._room:
                yield from self.rest()

    def rest(self) -> Iterator[Chunk]:
        """Return what is left, if anything is."""
        if not self._held:
            return
        place = len(self.heads) - len(self._held)
        yield Chunk(tuple(self._held), self._first, place, self._goes_on)
        self._first += self._most - self._room
        self._room = self._most
        self._held = []

    def _hold(self, piece: Transcript, *, goes_on: bool) -> None:
        if not self._held:
            self._goes_on = goes_on
        elif goes_on:
            before = self._held.pop()
            piece = replace(before, messages=before.messages + piece.messages)
        self._held.append(piece)


def whole(cut: Iterable[RenderPart]) -> list[Transcript]:
    """Join conversations again that were cut."""
    found: list[tuple[ConversationInfo, list[Message]]] = []
    for part in cut:
        for place, transcript in enumerate(part.transcripts):
            if place or not part.goes_on:
                found.append((transcript.conversation, []))
            found[-1][1].extend(transcript.messages)
    return [Transcript(conversation, tuple(said)) for conversation, said in found]
