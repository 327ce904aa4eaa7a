import base64
import json
from pathlib import Path
from typing import Any

import pytest
from Crypto.Cipher import AES
from Crypto.Cipher._mode_cbc import CbcMode
from hypothesis import given
from hypothesis import strategies as st

from adapters.wecom.callback.crypto import (
    BAD_KEY,
    BAD_PLAINTEXT,
    BAD_SIGNATURE,
    NOT_DECRYPTED,
    CallbackKeys,
    open_with_any,
)
from adapters.wecom.callback.xml import encrypted_part
from pipeline.errors import BadCallback

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "wire/wecom_app/vectors.json").read_text(encoding="utf-8")
)
ENCRYPTED = [vector for vector in [*RECORDED["vectors"], *RECORDED["derived"]] if "encrypt" in vector]
SIGNED = [vector for vector in ENCRYPTED if "msg_signature" in vector]
KEYS = CallbackKeys.of("QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7")
OLDER = CallbackKeys.of("older", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wx5823bf96d3bd56c7")


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def keys_of(vector: dict[str, Any]) -> CallbackKeys:
    return CallbackKeys.of(vector["token"], vector["encoding_aes_key"], vector["receive_id"])


def prefix_of(vector: dict[str, Any]) -> bytes:
    if "random16_hex" in vector:
        return bytes.fromhex(vector["random16_hex"])
    return str(vector["random16"]).encode("ascii")


@pytest.mark.parametrize("vector", SIGNED, ids=name_of)
def test_a_recorded_signature_is_reproduced(vector: dict[str, Any]) -> None:
    signature = keys_of(vector).sign(vector["timestamp"], vector["nonce"], vector["encrypt"])

    assert vector["msg_signature"] == signature


@pytest.mark.parametrize("vector", ENCRYPTED, ids=name_of)
def test_a_recorded_message_is_decrypted(vector: dict[str, Any]) -> None:
    message = keys_of(vector).decrypt(vector["encrypt"])

    assert vector["plaintext"] == message.decode("utf-8")


@pytest.mark.parametrize("vector", ENCRYPTED, ids=name_of)
def test_a_recorded_message_is_encrypted_to_the_same_bytes(vector: dict[str, Any]) -> None:
    encrypted = keys_of(vector).encrypt(vector["plaintext"].encode("utf-8"), prefix=prefix_of(vector))

    assert vector["encrypt"] == encrypted


@pytest.mark.parametrize("vector", [vector for vector in SIGNED if "body" in vector], ids=name_of)
def test_a_recorded_body_is_opened(vector: dict[str, Any]) -> None:
    encrypted = encrypted_part(vector["body"].encode("utf-8"))

    message = keys_of(vector).open(vector["msg_signature"], vector["timestamp"], vector["nonce"], encrypted)

    assert vector["plaintext"] == message.decode("utf-8")


@pytest.mark.parametrize("vector", RECORDED["negative"], ids=name_of)
def test_a_recorded_forgery_is_refused_with_the_platforms_number(vector: dict[str, Any]) -> None:
    with pytest.raises(BadCallback) as refused:
        keys_of(vector).open(
            vector["msg_signature"],
            vector["timestamp"],
            vector["nonce"],
            encrypted_part(vector["body"].encode("utf-8")),
        )

    assert vector["expect_code"] == refused.value.code


@given(st.binary(max_size=300), st.sampled_from(["", "wx5823bf96d3bd56c7", "企业"]))
def test_what_is_sealed_is_opened_again(message: bytes, receive_id: str) -> None:
    keys = CallbackKeys.of("token", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", receive_id)
    encrypted = keys.encrypt(message)

    assert message == keys.open(keys.sign("1", "2", encrypted), "1", "2", encrypted)


@given(st.integers(min_value=0, max_value=31), st.integers(min_value=1, max_value=255))
def test_every_byte_of_the_padding_counts(place: int, change: int) -> None:
    padded = bytearray(cipher().decrypt(base64.b64decode(KEYS.encrypt(b"x" * 12))))
    pad = padded[-1]
    spoilt = len(padded) - 1 - place % pad
    padded[spoilt] ^= change

    with pytest.raises(BadCallback) as refused:
        KEYS.decrypt(sealed(bytes(padded)))

    assert refused.value.code in {BAD_PLAINTEXT, -40005}


def test_padding_to_sixteen_is_not_padding_to_thirty_two() -> None:
    plain = b"r" * 16 + (5).to_bytes(4, "big") + b"hello" + b"wx5823bf96d3bd56c7"
    pad = 16 - len(plain) % 16

    with pytest.raises(BadCallback) as refused:
        KEYS.decrypt(sealed(plain + bytes([pad]) * pad))

    assert refused.value.code == BAD_PLAINTEXT


@pytest.mark.parametrize("length", [-1, 1, 2**31 - 1])
def test_a_length_that_lies_is_refused(length: int) -> None:
    message = b"hello"
    plain = b"r" * 16 + ((len(message) + length) & 0xFFFFFFFF).to_bytes(4, "big") + message + b"wx5823bf96d3bd56c7"
    pad = 32 - len(plain) % 32

    with pytest.raises(BadCallback) as refused:
        KEYS.decrypt(sealed(plain + bytes([pad]) * pad))

    assert refused.value.code in {BAD_PLAINTEXT, -40005}


@pytest.mark.parametrize("encrypted", ["", "AAAA", "QUJD" * 5])
def test_what_is_not_whole_blocks_is_refused(encrypted: str) -> None:
    with pytest.raises(BadCallback) as refused:
        KEYS.decrypt(encrypted)

    assert refused.value.code == NOT_DECRYPTED


@pytest.mark.parametrize(
    ("key", "name"),
    [
        pytest.param("", "0", id="nothing"),
        pytest.param("a" * 42, "42", id="one too few"),
        pytest.param("a" * 44, "44", id="one too many"),
        pytest.param("钥" * 43, "letters and digits", id="not ASCII"),
        pytest.param("-" * 43, "letters and digits", id="punctuation"),
        pytest.param("a" * 42 + "=", "letters and digits", id="its own equals sign"),
    ],
)
def test_a_key_that_is_none_is_refused_without_repeating_it(key: str, name: str) -> None:
    with pytest.raises(BadCallback, match=name) as refused:
        CallbackKeys.of("token", key, "corp")

    assert refused.value.code == BAD_KEY
    assert refused.value.__cause__ is None
    assert not key or key not in str(refused.value)


@pytest.mark.parametrize("signature", ["", "é" * 40, "\ud800", "0" * 40, "5C45FF5E"])
def test_a_signature_of_any_characters_is_only_wrong(signature: str) -> None:
    with pytest.raises(BadCallback) as refused:
        KEYS.open(signature, "1409659589", "\udfff", "AAAA")

    assert refused.value.code == BAD_SIGNATURE


def test_keys_keep_their_secrets_from_being_printed() -> None:
    printed = repr(KEYS)

    assert "QDG6eK" not in printed
    assert "wx5823bf96d3bd56c7" in printed
    assert "key" not in printed.replace("CallbackKeys", "")


def test_during_a_change_of_keys_both_pairs_open() -> None:
    for keys in (KEYS, OLDER):
        encrypted = keys.encrypt(b"hello")
        signature = keys.sign("1", "2", encrypted)

        assert open_with_any((KEYS, OLDER), signature, "1", "2", encrypted) == b"hello"


def test_a_changed_key_under_an_unchanged_token_opens_too() -> None:
    before = CallbackKeys(KEYS.token, OLDER.key, KEYS.receive_id)
    encrypted = before.encrypt(b"hello")
    signature = before.sign("1", "2", encrypted)

    assert open_with_any((KEYS, before), signature, "1", "2", encrypted) == b"hello"


def test_of_two_refusals_the_more_telling_one_is_raised() -> None:
    elsewhere = CallbackKeys(OLDER.token, OLDER.key, "wx0000000000000000")
    encrypted = elsewhere.encrypt(b"hello")
    signature = elsewhere.sign("1", "2", encrypted)

    with pytest.raises(BadCallback) as refused:
        open_with_any((KEYS, OLDER), signature, "1", "2", encrypted)

    assert refused.value.code == -40005


def cipher() -> CbcMode:
    return AES.new(KEYS.key, AES.MODE_CBC, iv=KEYS.key[:16])


def sealed(padded: bytes) -> str:
    return base64.b64encode(cipher().encrypt(padded)).decode("ascii")
