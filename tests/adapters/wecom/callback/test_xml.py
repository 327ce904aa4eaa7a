from typing import Any

import pytest

from adapters.wecom.callback.xml import BODY_LIMIT, UNREADABLE, encrypted_part, legal_text, message_fields
from pipeline.errors import BadCallback
from tests.processor_time import costs_less_than

MALFORMED = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"   \n", id="blanks"),
    pytest.param(b"hello", id="neither XML nor JSON"),
    pytest.param(b"<xml><Encrypt>", id="cut off"),
    pytest.param(b"<xml>just text</xml>", id="no elements"),
    pytest.param(b"<xml/>", id="an empty root"),
    pytest.param(b"<xml><Encrypt/></xml>", id="an empty Encrypt"),
    pytest.param(b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>", id="two of Encrypt"),
    pytest.param(b"<xml><Encrypt><a>b</a></Encrypt></xml>", id="elements in Encrypt"),
    pytest.param(b"<xml><Encrypt>a</Encrypt></xml><xml/>", id="two roots"),
    pytest.param(b"<xml><Encrypt>\xff\xfe</Encrypt></xml>", id="bytes that are not UTF-8"),
    pytest.param(b"<xml><Encrypt>\xed\xa0\x80</Encrypt></xml>", id="half a surrogate pair"),
    pytest.param(b"<xml><Encrypt>a\x00b</Encrypt></xml>", id="a NUL"),
    pytest.param(b"<xml><Encrypt>&#0;</Encrypt></xml>", id="a NUL by number"),
    pytest.param(b'<?xml version="1.0" encoding="gbk"?><xml><Encrypt>a</Encrypt></xml>', id="GBK"),
    pytest.param(b'<?xml version="1.0" encoding="utf-7"?><xml><Encrypt>a</Encrypt></xml>', id="UTF-7"),
    pytest.param(b'<?xml version="1.0" encoding="no-such"?><xml><Encrypt>a</Encrypt></xml>', id="no encoding"),
    pytest.param("<xml><Encrypt>a</Encrypt></xml>".encode("utf-16"), id="UTF-16"),
    pytest.param(b"<!DOCTYPE xml><xml><Encrypt>a</Encrypt></xml>", id="a DOCTYPE"),
    pytest.param(b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><xml><Encrypt>a</Encrypt></xml>', id="an outside DTD"),
    pytest.param(b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>', id="an entity"),
    pytest.param(
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>',
        id="a file as an entity",
    ),
    pytest.param(
        b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>',
        id="laughing entities",
    ),
    pytest.param(b"<xml><Encrypt>&nosuch;</Encrypt></xml>", id="an entity nobody declared"),
    pytest.param(b'{"encrypt": ', id="JSON cut off"),
    pytest.param(b'{"encrypt": null}', id="a null in JSON"),
    pytest.param(b'{"encrypt": ["a"]}', id="a list in JSON"),
    pytest.param(b'{"other": "a"}', id="JSON without Encrypt"),
    pytest.param(b'{"encrypt": "\xff"}', id="JSON that is not UTF-8"),
    pytest.param(b'{"encrypt": ' + b"9" * 6000, id="a number of six thousand digits"),
]
BOMBS = [
    pytest.param(b"<a>" * 9000 + b"</a>" * 9000, id="closed tags"),
    pytest.param(b"<a>" * 21000, id="open tags"),
    pytest.param(b"<xml>" + b"<a/>" * 16000 + b"</xml>", id="many tags"),
    pytest.param(b"<xml " + b" ".join(b'a%d=""' % number for number in range(6000)) + b"/>", id="many attributes"),
    pytest.param(b'{"encrypt":' + b"[" * 60000, id="open lists"),
    pytest.param(b'{"a":' * 12000, id="open objects"),
    pytest.param(b'{"a":' + b"[" * 30000 + b"]" * 30000 + b"}", id="closed lists"),
]


def message(content: str) -> dict[str, Any]:
    return dict(message_fields(f"<xml><Content><![CDATA[{content}]]></Content></xml>".encode()))


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_body_is_refused(body: bytes) -> None:
    with pytest.raises(BadCallback) as refused:
        encrypted_part(body)

    assert refused.value.code == UNREADABLE
    assert refused.value.status == 400


@pytest.mark.parametrize("body", BOMBS)
def test_a_bomb_within_the_limit_is_refused_at_little_cost(body: bytes) -> None:
    assert len(body) <= BODY_LIMIT

    def refuse() -> None:
        with pytest.raises(BadCallback) as refused:
            encrypted_part(body)

        assert refused.value.code == UNREADABLE

    # A bound a hundred times the cost: it is there to see a bomb go off, not to time.
    assert costs_less_than(2.0, refuse)


def test_a_body_over_the_limit_is_not_parsed() -> None:
    body = b"<xml><Encrypt>" + b"a" * BODY_LIMIT + b"</Encrypt></xml>"

    with pytest.raises(BadCallback) as refused:
        encrypted_part(body)

    assert refused.value.status == 413


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<xml><ToUserName>x</ToUserName><Encrypt><![CDATA[abc]]></Encrypt></xml>", id="CDATA"),
        pytest.param(b"<xml>\n  <Encrypt>\n abc\n</Encrypt>\n</xml>\n", id="indented"),
        pytest.param(b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?><xml><Encrypt>abc</Encrypt></xml>', id="BOM"),
        pytest.param(b'<xml a="b"><Encrypt c="d">abc</Encrypt></xml>', id="attributes"),
        pytest.param(b'{"ToUserName": "x", "Encrypt": "abc"}', id="JSON"),
        pytest.param(b' {"tousername": "x", "encrypt": "abc", "agentid": 218}', id="JSON in lower case"),
    ],
)
def test_the_encrypted_part_is_found(body: bytes) -> None:
    assert encrypted_part(body) == "abc"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("  two spaces, a newline at the end \n", id="blanks at both ends"),
        pytest.param(" ", id="a blank alone"),
        pytest.param("\n\t\n", id="newlines alone"),
        pytest.param('<!DOCTYPE html> &amp; <script>"', id="markup"),
        pytest.param("你好 👩‍👩‍👧‍👦 𠮷", id="beyond the basic plane"),
    ],
)
def test_words_are_kept_to_the_last_space(said: str) -> None:
    assert {"Content": said} == message(said)


def test_a_closing_bracket_in_two_sections_is_one_text() -> None:
    assert {"Content": "a]]>b"} == message("a]]]]><![CDATA[>b")


def test_control_characters_are_left_out_of_a_message() -> None:
    assert {"Content": "ab\tc\nd"} == message("a\x00\x08\x0b\x0c\x1fb\tc\nd\ufffe\uffff")


def test_a_message_in_json_keeps_its_numbers_as_written() -> None:
    fields = message_fields(b'{"MsgId": 4561255354251345929, "Location_X": 1e999, "Content": "hi\\u0000"}')

    assert {"MsgId": "4561255354251345929", "Location_X": "1e999", "Content": "hi\x00"} == fields


def test_a_repeated_element_is_a_list() -> None:
    assert {"a": ["1", None]} == message_fields(b"<xml><a>1</a><a/></xml>")


def test_a_refusal_repeats_nothing_of_the_message() -> None:
    with pytest.raises(BadCallback) as refused:
        message_fields(b'{"Content": "my secret", ')

    assert "secret" not in repr(refused.value)
    assert refused.value.__suppress_context__


def test_legal_text_has_neither_controls_nor_halves_of_pairs() -> None:
    assert legal_text("a\x00\ud800b\udfff\ufffe\x7f\U0001f600") == "ab\x7f\U0001f600"


def test_what_is_refused_on_purpose_is_named() -> None:
    with pytest.raises(BadCallback, match="not readable: a DOCTYPE"):
        encrypted_part(b"<!DOCTYPE xml><xml><Encrypt>a</Encrypt></xml>")
