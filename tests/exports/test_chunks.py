"""Parts: every message once, in its order, however what is said comes in."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exports.chunks import Chunker, RenderPart
from exports.chunks import whole as put_together
from exports.records import Head, Transcript
from tests.exports.samples import AWKWARD, MIXED, transcript

SIZES = st.lists(st.integers(0, 12), max_size=6)


def talks_of(sizes: Sequence[int]) -> list[Transcript]:
    return [transcript(size, answers=(MIXED, AWKWARD), number=number) for number, size in enumerate(sizes, 1)]


def cut(pieces: Iterator[Transcript], most: int) -> tuple[list[RenderPart], Sequence[Head]]:
    cutter = Chunker(most)
    cuts = [one for piece in pieces for one in cutter.add(piece)] + list(cutter.rest())
    return [one.part(cutter.heads) for one in cuts], cutter.heads


@given(SIZES, st.integers(1, 15))
def test_parts_have_every_message_once_with_its_number(sizes: list[int], most: int) -> None:
    talks = talks_of(sizes)
    parts, _ = cut(iter(talks), most)
    said = [message for each in talks for message in each.messages]

    assert said == [message for part in parts for _, _, message in part.numbered()]
    assert [*range(1, len(said) + 1)] == [number for part in parts for number, _, _ in part.numbered()]
    assert [most] * (len(said) // most) == [sum(len(each.messages) for each in part.transcripts) for part in parts][
        : len(said) // most
    ]
    assert len(parts) == -(-len(said) // most)


@given(SIZES, st.integers(1, 15), st.integers(1, 9))
def test_pieces_are_cut_as_the_whole_would_be(sizes: list[int], most: int, piece: int) -> None:
    talks = talks_of(sizes)
    pieces = (
        Transcript(each.conversation, each.messages[first : first + piece])
        for each in talks
        for first in range(0, len(each.messages), piece)
    )

    assert cut(iter(talks), most) == cut(pieces, most)


@given(SIZES, st.integers(1, 15))
def test_parts_put_together_again_are_the_conversations(sizes: list[int], most: int) -> None:
    talks = [each for each in talks_of(sizes) if each.messages]
    parts, heads = cut(iter(talks), most)

    assert talks == put_together(parts)
    assert [each.head() for each in talks] == heads
    assert all(
        each.head().conversation == head.conversation
        for part in parts
        for each, head in zip(part.transcripts, part.heads, strict=True)
    )
    assert [each.conversation for each in talks] == [
        each.conversation for part in parts for each in part.transcripts[1 if part.goes_on else 0 :]
    ]
