"""What is masked, and what only looks like it."""

import re

import pytest

from storage.exports.masking import Masker
from storage.exports.records import Transcript
from tests.storage.exports.samples import message, talk


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("打13812345678找我", "打[PHONE]找我"),
        ("138 1234 5678 或 138-1234-5679", "[PHONE] 或 [PHONE]"),
        ("+86 138-1234-5678、008613812345678", "[PHONE]、[PHONE]"),
        ("１３８１２３４５６７８", "[PHONE]"),
        ("座机 010-62345678，(0755)8765 4321", "座机 [PHONE]，[PHONE]"),
        ("01062345678、075587654321、0123456789", "[PHONE]、[PHONE]、0123456789"),
        ("call +1 415 555 2671", "call [PHONE]"),
        ("a.b+c@ex-ample.com.cn", "[EMAIL]"),
        ("a＠b.com", "[EMAIL]"),
        ("身份证11010519491231002X", "身份证[ID]"),
        ("身份证11010519491231002x。", "身份证[ID]。"),
        ("110105 19491231 002X，110105-19491231-002X", "[ID]，[ID]"),
        ("１１０１０５１９４９１２３１００２Ｘ", "[ID]"),
        ("老身份证110105491231002，110105 491231 002", "老身份证[ID]，[ID]"),
        ("单号 110105491331002、990105491231002", "单号 110105491331002、990105491231002"),
        ("卡号 4111 1111 1111 1111", "卡号 [CARD]"),
        ("6222021234567890127", "6222021234567890127"),
        ("订单 20261122123456789012", "订单 20261122123456789012"),
        ("校验位不对 110105194912310021", "校验位不对 110105194912310021"),
        ("价格 12800.00，版本 1.2.3.4，2026-11-22 10:30", "价格 12800.00，版本 1.2.3.4，2026-11-22 10:30"),
    ],
)
def test_what_names_a_person_is_masked(text: str, masked: str) -> None:
    assert masked == Masker()(text)


def test_names_of_the_list_are_masked_the_longest_first() -> None:
    mask = Masker(("欧阳", "欧阳锋", "Tom", " "))

    assert "[NAME]和[NAME]、[NAME] tomorrow" == mask("欧阳锋和欧阳、TOM tomorrow")


@pytest.mark.parametrize("written", ["张三丰", "张 三 丰", "张　三丰", "Tom Lee", "tom  LEE", "Tom\nLee"])
def test_names_are_masked_however_they_are_spaced(written: str) -> None:
    assert "找[NAME]去" == Masker(("张三丰", "Tom Lee"))(f"找{written}去")


ASKED = "电话13812345678 邮箱 a@b.com 身份证11010519491231002X 张三丰问个问题，内容很长很长很长"


@pytest.mark.parametrize("cut", range(3, 50))
def test_a_title_cut_off_shows_nothing_of_what_is_masked(cut: int) -> None:
    mask = Masker(("张三丰",))
    titled = talk(title=ASKED[:cut] + "…")
    whole = mask.transcript(Transcript(titled, (message(1, "human", ASKED),))).talk.title
    alone = mask.transcript(Transcript(titled, (message(2, "human", "后来"),))).talk.title

    assert mask(ASKED).startswith(whole.removesuffix("…"))
    assert len(whole) <= cut + 1
    for title in (whole, alone):
        assert not re.search(r"\d|张|@|a\.|b\.", title)


def test_a_transcript_is_masked_in_every_place_somebody_wrote() -> None:
    told = Transcript(talk(title="找13812345678", persona="a@b.cn 的助手"), (message(1, "human", "我是张三"),))
    masked = Masker(("张三", "zhangsan"))
    got = masked.transcript(told)

    assert ("找[PHONE]", "[EMAIL] 的助手", "[NAME]") == (got.talk.title, got.talk.persona, got.talk.user)
    assert "我是[NAME]" == got.messages[0].text
