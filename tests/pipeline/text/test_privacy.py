"""What is masked, what only looks like it, and how long it takes at the most."""

import random
import string
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.privacy import Masker
from tests.processor_time import costs_less_than

mask = Masker()


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
        ("打 13812345678 找我", "打 [PHONE] 找我"),
        ("卡 6222 0212 3456 7890 128", "卡 [CARD]"),
        ("电话 010-12345678", "电话 [PHONE]"),
        ("订单 20261122 共 128000 元", "订单 20261122 共 128000 元"),
        ("价格 12800.00，版本 1.2.3.4，2026-11-22 10:30", "价格 12800.00，版本 1.2.3.4，2026-11-22 10:30"),
    ],
)
def test_what_names_a_person_is_masked(text: str, masked: str) -> None:
    assert masked == mask(text)


def test_names_of_the_list_are_masked_the_longest_first() -> None:
    masked = Masker(("欧阳", "欧阳锋", "Tom", " "))

    assert "[NAME]和[NAME]、[NAME] tomorrow" == masked("欧阳锋和欧阳、TOM tomorrow")


@pytest.mark.parametrize("written", ["张三丰", "张 三 丰", "张　三丰", "Tom Lee", "tom  LEE", "Tom\nLee"])
def test_names_are_masked_however_they_are_spaced(written: str) -> None:
    assert "找[NAME]去" == Masker(("张三丰", "Tom Lee"))(f"找{written}去")


NAMED = {
    "API keys by their prefix": [
        ("用 sk-abcdefghijklmnop1234 试试", "用 [KEY] 试试"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[KEY]"),
        ("AKIAIOSFODNN7EXAMPLE 和 LTAI5tAbCdEf12345678", "[KEY] 和 [KEY]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-DEF_123", "[KEY]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----。", "[KEY]。"),
    ],
    "keys and tokens by their label": [
        ("api_key=abcd1234efgh", "api_key=[KEY]"),
        ("apiKey: 'abcd1234efgh'", "apiKey: '[KEY]'"),
        ("密钥是 abcd1234efgh。", "密钥是 [KEY]。"),
        ("access token：abcd1234efgh", "access token：[KEY]"),
        ("Authorization: Bearer abcd1234efgh", "Authorization: Bearer [KEY]"),
        ("https://e.com/send?key=0f1e2d3c-4b5a&x=1", "https://e.com/send?key=[KEY]&x=1"),
    ],
    "passwords in words": [
        ("工资单密码是 hunter2, do not tell", "工资单密码是 [PASSWORD], do not tell"),
        ("密码：hunter2，别告诉别人", "密码：[PASSWORD]，别告诉别人"),
        ("密码hunter2 口令 ab12cd", "密码[PASSWORD] 口令 [PASSWORD]"),
        ("密码是“西瓜太郎”", "密码是“[PASSWORD]”"),
        ("Password: hunter", "Password: [PASSWORD]"),
        ("my password is hunter2.", "my password is [PASSWORD]."),
        ('{"password": "hunter two"}', '{"password": "[PASSWORD]"}'),
        ("DB_PASSWORD=s3cr3t!", "DB_PASSWORD=[PASSWORD]"),
        ("验证码：123456", "验证码：[PASSWORD]"),
    ],
    "passwords in other languages and notations": [
        ("パスワード: hunter2、비밀번호: hunter2", "パスワード: [PASSWORD]、비밀번호: [PASSWORD]"),
        ("Пароль: hunter2, contraseña: hunter2", "Пароль: [PASSWORD], contraseña: [PASSWORD]"),
        ("Passwort: hunter2, mot de passe : hunter2", "Passwort: [PASSWORD], mot de passe : [PASSWORD]"),
        ("mật khẩu: hunter2, senha: hunter2", "mật khẩu: [PASSWORD], senha: [PASSWORD]"),
        ("密码 是 ： hunter2，密碼：hunter2", "密码 是 ： [PASSWORD]，密碼：[PASSWORD]"),
        ("<password>hunter2</password>", "<password>[PASSWORD]</password>"),
    ],
    "passwords in addresses": [
        ("postgresql://webot:p@ss@db/x", "postgresql://webot:[PASSWORD]@db/x"),
        ("https://u:p@e.com:80/a", "https://u:[PASSWORD]@e.com:80/a"),
        ("ssh root:hunter2@10.0.0.1", "ssh root:[PASSWORD]@10.0.0.1"),
    ],
    "passports": [
        ("E12345678、EA1234567、g12345678", "[PASSPORT]、[PASSPORT]、[PASSPORT]"),
        ("护照号码：AB1234567，passport no. 123456789", "护照号码：[PASSPORT]，passport no. [PASSPORT]"),
        ("港澳通行证 C12345678", "港澳通行证 [PASSPORT]"),
    ],
    "number plates": [
        ("京A·12345、沪a12345、粤B12345D、粤Z1234港", "[PLATE]、[PLATE]、[PLATE]、[PLATE]"),
        ("北京A 8JK91 停在楼下", "北[PLATE] 停在楼下"),
    ],
    "tax numbers": [
        ("91350100M000100Y43", "[TAX]"),
        ("税号 9135 0100 M000 100Y 43", "税号 [TAX]"),
        ("纳税人识别号：110105123456789", "纳税人识别号：[TAX]"),
    ],
    "telephone numbers": [
        ("138.0013.8000", "[PHONE]"),
        ("+1.415.555.2671 或 (415) 555-2671 或 415-555-2671", "[PHONE] 或 [PHONE] 或 [PHONE]"),
        ("+44 20 7946 0958，001-415-555-2671", "[PHONE]，001-[PHONE]"),
        ("02088888888、010 6552 9988", "[PHONE]、[PHONE]"),
        ("一三八一二三四五六七八、壹叁捌壹贰叁肆伍陆柒捌", "[PHONE]、[PHONE]"),
    ],
    "mail addresses": [
        ("请发到zhangsan@example.com谢谢", "请发到[EMAIL]谢谢"),
        ("a@b．com、a@b。com、张三@例子.中国", "[EMAIL]、[EMAIL]、[EMAIL]"),
        ("a@b.com。Thanks", "[EMAIL]。Thanks"),
        ("bob @ example.com，bob(at)example.com，bob [at] example [dot] co [dot] uk", "[EMAIL]，[EMAIL]，[EMAIL]"),
        ("пользователь@пример.рф, a@b.ελ", "[EMAIL], [EMAIL]"),
    ],
    "identity cards": [
        ("身份证号：110105194912310021，老身份證 110105 491331 002", "身份证号：[ID]，老身份證 [ID]"),
        ("HKID A123456(3)、台湾 A123456789", "HKID [ID]、台湾 [ID]"),
    ],
    "international account numbers": [
        ("IBAN DE89 3704 0044 0532 0130 00，GB82WEST12345698765432", "IBAN [CARD]，[CARD]"),
    ],
    "bank cards": [
        ("4111.1111.1111.1111、6222 0212 3456 7890 128", "[CARD]、[CARD]"),
        ("3782 822463 10005，第 12 4111 1111 1111 1111", "[CARD]，第 12 [CARD]"),
    ],
}


@pytest.mark.parametrize(
    ("text", "masked"),
    [pytest.param(*case, id=f"{kind} {number}") for kind, cases in NAMED.items() for number, case in enumerate(cases)],
)
def test_each_kind_is_masked_and_what_is_around_it_stays(text: str, masked: str) -> None:
    assert masked == mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22 10:30 至 2026-11-23 18:00，22.11.2026，11/22/2026",
        "2026-11-22 2026-11-23 2026-11-24",
        "订单 2026112212345678、SO-20261122-0001、20261122123456789012、1795348800000",
        "合计 12,480.00 元，+18.6%，-4.1%，1 234 567.89，4800.50",
        "10.0.0.1 10.0.0.2 192.168.100.200:8080 138.123.145.67 255.255.255.0",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "550e8400-e29b-41d4-a716-446655440000",
        "d41d8cd98f00b204e9800998ecf8427e 8871cc3a13812345678b",
        "x = a[1]+12345678; y = f(x)+87654321",
        "def login(password: str, token: str | None = None) -> None: max_tokens = 100000",
        'password = settings.password  # password=getpass() api_key = os.environ["KEY"]',
        "token = get_token(x1234567)",
        "密码是必填项，密码长度 8 到 16 位，忘记密码怎么办，请输入验证码",
        "Your password is required. The secret is out; basic knowledge, bearer of news",
        "云A100GPU、新H100 集群、川B 是什么、即使100000人",
        "@张三 你好 @help a@b user@localhost",
        "👨‍👩‍👧 می‌خواهم 1️⃣ ①②③ 第十三章 一二三四五六七八九十",
        "北纬39.90420 东经116.40739，π=3.14159265358979323846",
        "A123456(4) B123456789 GB82WEST12345698765431 SO12 2026 1122 0001",
        "你 @ 我一下，f(at)，x (a) y，senhas, пароли",
        "ISBN 978-7-111-40701-0，v1.2.3.4，第 3–5 页",
    ],
)
def test_what_only_looks_like_it_stays_as_it_is(text: str) -> None:
    assert text == mask(text)


GAPS = [
    "",
    " ",
    "  ",
    "\u00a0",
    "\u3000",
    "\u2009",
    "-",
    "–",
    "—",
    "‑",
    "－",
    ".",
    "．",
    "·",
    "\n",
    "\r\n",
    " - ",
    "\u200b",
    "•",
    "・",
    "\u2800",
    "~",
    "\ufeff ",
]
DIGITS = [string.digits, "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"]
AROUND = ["{}", "我是{}啊", "x {} y", "（{}）", "“{}”，", "甲{}\n乙"]

gaps = st.sampled_from(GAPS)
digits = st.sampled_from(DIGITS)
around = st.sampled_from(AROUND)


def written(text: str, script: str) -> str:
    return text.translate(str.maketrans(string.digits, script))


@given(
    gaps, digits, around, st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "+86", "86", "＋86"])
)
def test_a_mobile_number_is_masked_in_any_script_with_any_gaps(
    gap: str, script: str, text: str, number: str, country: str
) -> None:
    parts = [*([country] if country else []), number[:3], number[3:7], number[7:]]

    assert text.format("[PHONE]") == mask(text.format(written(gap.join(parts), script)))


@given(gaps, digits, around, st.from_regex(r"(4|62|5[1-5])[0-9]{13}", fullmatch=True), st.sampled_from([15, 18]))
def test_a_bank_card_is_masked_in_any_script_with_any_gaps(
    gap: str, script: str, text: str, number: str, length: int
) -> None:
    number = (number + "00000")[:length]
    number += next(str(check) for check in range(10) if luhn(f"{number}{check}"))
    parts = [number[place : place + 4] for place in range(0, len(number), 4)]

    assert text.format("[CARD]") == mask(text.format(written(gap.join(parts), script)))


@given(gaps, digits, around, st.dates(), st.integers(0, 999), st.sampled_from(["110105", "440304", "652901"]))
def test_an_identity_card_is_masked_in_any_script_with_any_gaps(
    gap: str, script: str, text: str, born: object, number: int, place: str
) -> None:
    day = str(born).replace("-", "")
    first = f"{place}{'19' if day[:2] not in {'19', '20'} else day[:2]}{day[2:]}{number:03}"
    try:
        time.strptime(first[6:14], "%Y%m%d")
    except ValueError:  # a day there is in the other century alone
        return
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    last = "10X98765432"[sum(int(d) * w for d, w in zip(first, weights, strict=True)) % 11]
    written_out = written(gap.join([first[:6], first[6:14], first[14:] + last]), script)

    assert text.format("[ID]") == mask(text.format(written_out))


@given(
    st.sampled_from(["张三", "欧阳锋", "Tom Lee", "José", "김철수"]),
    st.sampled_from(["\u200b", "\u200d", "\ufeff", "\u2060", "\u00ad"]),
    st.data(),
)
def test_a_name_is_masked_with_characters_of_no_width_in_it(name: str, ignored: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(name) - 1))

    assert "找 [NAME] 去" == Masker((name,))(f"找 {name[:place]}{ignored}{name[place:]} 去")


@given(st.text())
def test_whatever_is_said_without_digits_or_signs_stays(text: str) -> None:
    innocent = "".join(c for c in text if c.isalpha() and not c.isascii())

    assert innocent == mask(innocent) or "[PHONE]" in mask(innocent)


@given(st.text(st.sampled_from("1389 @.-+:/a密码是京E\u200b\x00\n")))
def test_masking_twice_masks_no_less(text: str) -> None:
    once = mask(text)

    assert mask(once).count("[") >= once.count("[")


UNITS = [
    *(
        "1",
        "1 ",
        "4 5 ",
        "13",
        "138 ",
        "1-",
        "1.",
        "1\n",
        "12 ",
        "1234 ",
        "4512 ",
        "123456 12345 ",
        "9 1 ",
        "1 9 0 0 1 0 1 ",
    ),
    *(
        "a",
        "A",
        "a_",
        "A ",
        "A1",
        "a@",
        "@",
        "a.",
        "a@b.",
        "张",
        "张@",
        "1@",
        "sk-",
        "sk_live_",
        "eyJ",
        "eyJa.",
        "ghp_",
    ),
    *("+1", "+", "+" + "1" * 20, "(0", "010 ", "010-", "+86 ", "001", "110105 1949", "91350100M0", "0x13"),
    *(
        "密码",
        "密码是",
        "密码“",
        "password ",
        "password is ",
        "password: a",
        "api key",
        "token: ",
        "token=a",
        "bearer ",
        "basic a",
    ),
    *("?key=", "?a", "&keykey", "://", "a://", "a://a:", "a:a", "-----BEGIN PRIVATE KEY-----", "-----BEGIN A", "\\n"),
    *(
        "京A",
        "京A1234",
        "护照",
        "护照 1",
        "E1",
        "税号",
        "一三八",
        "\u200b",
        "1\u200b",
        "\x00",
        " ",
        "\n",
        "=",
        "１",
        "٣",
    ),
]


@pytest.mark.parametrize("unit", UNITS, ids=[ascii(unit)[1:30] for unit in UNITS])
def test_forty_thousand_hostile_characters_take_no_time(unit: str) -> None:
    text = (unit * 40_000)[:40_000]

    assert costs_less_than(0.25, lambda: mask(text))


def test_any_mixture_takes_no_time() -> None:
    dice = random.Random(1)  # noqa: S311 (no secret)
    for _ in range(12):
        units = dice.sample(UNITS, 3)
        text = "".join(dice.choice(units) for _ in range(40_000))[:40_000]

        assert costs_less_than(0.25, partial(mask, text)), units


def luhn(number: str) -> bool:
    figures = list(map(int, number))
    return (sum(figures[-1::-2]) + sum(each * 2 - 9 * (each > 4) for each in figures[-2::-2])) % 10 == 0
