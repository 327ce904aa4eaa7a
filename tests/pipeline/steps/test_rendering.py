"""Rendering beside the event loop: whatever a channel makes of a text, the person gets the answer."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest
from structlog.testing import capture_logs

from pipeline.ports import ChannelCapabilities
from pipeline.replies import (
    DocumentPart,
    FilePart,
    FileReply,
    ImagePart,
    ImageReply,
    Part,
    Reply,
    Silence,
    StoredMedia,
    TextPart,
    TextReply,
    VoicePart,
    VoiceReply,
)
from pipeline.steps.rendering import INLINE_CHARACTERS, Renderer, plain_parts
from pipeline.text.i18n import Catalogue
from tests.fakes.turns import FakeChannel

# Read here: catalogues are files, and files are not for the event loop.
EN = Catalogue("en")
LONG = (TextReply("字" * (INLINE_CHARACTERS + 1)),)
MEDIA = StoredMedia("0" * 64, "image/png", "x.png", 9)
TRAITS = ChannelCapabilities(message_bytes=2048)


class RaisingChannel(FakeChannel):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:  # noqa: ARG002 - as the port has it
        raise self._error


class HangingChannel(FakeChannel):
    """Renders a text that begins with `hang` only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.threads: list[threading.Thread] = []

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:
        self.threads.append(threading.current_thread())
        if any(isinstance(reply, TextReply) and reply.text.startswith("hang") for reply in replies):
            self.go_on.wait(60)
        return super().render(replies)


@pytest.fixture
def hanging() -> Iterator[HangingChannel]:
    channel = HangingChannel()
    yield channel
    channel.go_on.set()


@pytest.mark.parametrize("error", [ValueError("secret words"), StopIteration(), RecursionError()])
@pytest.mark.parametrize("length", [5, 900])
async def test_an_answer_that_cannot_be_rendered_goes_out_as_plain_text(error: Exception, length: int) -> None:
    text = "secret words"[:length] + "字" * (length // 3)
    with capture_logs() as logs:
        parts = await Renderer(EN).render(RaisingChannel(error), (TextReply(text),), trace="7")

    assert (TextPart(text, "text"),) == parts
    assert [("render_failed", "7", type(error).__name__)] == [
        (line["event"], line["trace"], line["error"]) for line in logs
    ]
    assert "secret" not in repr(logs)


async def test_an_answer_that_is_rendered_too_slowly_goes_out_as_plain_text(hanging: HangingChannel) -> None:
    text = "hang " + "|" * INLINE_CHARACTERS

    assert (TextPart(text, "text"),) == await Renderer(EN, deadline=0.01).render(hanging, (TextReply(text),), trace="")


async def test_the_event_loop_goes_on_beside_a_long_answer(hanging: HangingChannel) -> None:
    text = "hang" + "字" * INLINE_CHARACTERS
    # The thread is let go by the loop, which therefore must not wait for it.
    asyncio.get_running_loop().call_soon(hanging.go_on.set)

    assert (TextPart(text, "text"),) == await Renderer(EN).render(hanging, (TextReply(text),), trace="")
    assert all(thread.daemon for thread in hanging.threads)


async def test_a_short_answer_takes_no_thread(hanging: HangingChannel) -> None:
    await Renderer(EN).render(hanging, (TextReply("好"),), trace="")

    assert [threading.current_thread()] == hanging.threads


async def test_threads_that_hang_do_not_add_up_and_once_they_end_answers_are_rendered_again(
    hanging: HangingChannel,
) -> None:
    renderer = Renderer(EN, deadline=0.01)
    stuck = (TextReply("hang|" + "字" * INLINE_CHARACTERS),)
    for _ in range(5):
        await renderer.render(hanging, stuck, trace="")
    assert 2 == len(hanging.threads)
    hanging.go_on.set()
    for thread in hanging.threads:
        thread.join()
    # What they have to say waits in the loop.
    await asyncio.sleep(0)

    assert 2 == len(await Renderer(EN).render(hanging, stuck, trace=""))
    assert 2 == len(await renderer.render(hanging, stuck, trace=""))


def test_plain_parts_are_whole_and_fit() -> None:
    text = "第一行\n" * 5000
    replies = (
        TextReply("好"),
        ImageReply(MEDIA, "猫"),
        VoiceReply(MEDIA),
        FileReply(MEDIA),
        Silence(),
        TextReply(text),
    )
    *short, first, whole = plain_parts(replies, TRAITS, EN)

    assert [
        TextPart("好", "text"),
        ImagePart(MEDIA),
        TextPart("猫", "text"),
        VoicePart(MEDIA),
        FilePart(MEDIA),
    ] == short
    assert isinstance(first, TextPart)
    assert first.text.endswith("in the file below.)")
    assert len(first.text.encode()) <= 2048
    assert DocumentPart("answer.md", text) == whole


def test_a_channel_without_files_gets_plain_text_in_pieces() -> None:
    text = "汉字 " * 5000
    parts = plain_parts((TextReply(text),), ChannelCapabilities(message_bytes=2048, files=False), EN)

    assert text == "".join(part.text for part in parts if isinstance(part, TextPart))
    assert all(isinstance(part, TextPart) and len(part.text.encode()) <= 2048 for part in parts)


@pytest.mark.parametrize("text", ["", " \n", "\u200b\u200b", "\ufeff", "\x00"])
def test_plain_parts_of_nothing_visible_are_none(text: str) -> None:
    assert () == plain_parts((TextReply(text), Silence()), TRAITS, EN)


def test_plain_parts_hold_nothing_that_cannot_be_sent() -> None:
    assert (TextPart("甲?乙\n丙", "text"),) == plain_parts((TextReply("甲\ud800\x07乙\r\n丙"),), TRAITS, EN)
