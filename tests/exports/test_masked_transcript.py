"""Transcripts are masked in every place somebody wrote, titles that were cut off among them."""

import re

import pytest

from exports.masked_transcript import mask_transcript
from exports.records import Transcript
from pipeline.text.privacy import Masker
from tests.exports.samples import message, talk

ASKED = "电话13812345678 邮箱 a@b.com 身份证11010519491231002X 张三丰问个问题，内容很长很长很长"


@pytest.mark.parametrize("cut", range(3, 50))
def test_a_title_cut_off_shows_nothing_of_what_is_masked(cut: int) -> None:
    mask = Masker(("张三丰",))
    titled = talk(title=ASKED[:cut] + "…")
    whole = mask_transcript(Transcript(titled, (message(1, "human", ASKED),)), mask).conversation.title
    alone = mask_transcript(Transcript(titled, (message(2, "human", "后来"),)), mask).conversation.title

    assert mask(ASKED).startswith(whole.removesuffix("…"))
    assert len(whole) <= cut + 1
    for title in (whole, alone):
        assert not re.search(r"\d|张|@|a\.|b\.", title)


def test_a_transcript_is_masked_in_every_place_somebody_wrote() -> None:
    transcript = Transcript(talk(title="找13812345678", persona="a@b.cn 的助手"), (message(1, "human", "我是张三"),))
    got = mask_transcript(transcript, Masker(("张三", "zhangsan")))

    assert ("找[PHONE]", "[EMAIL] 的助手", "[NAME]") == (
        got.conversation.title,
        got.conversation.persona,
        got.conversation.user,
    )
    assert "我是[NAME]" == got.messages[0].text
