from collections.abc import Sequence

import pytest
from pydantic import SecretStr, ValidationError

from adapters.wecom.settings import WeComAppSettings
from tests.adapters.wecom.application import AES_KEY, CREDENTIALS, OLDER_AES_KEY, settings_of
from tests.adapters.wecom.qyapi import SECRET


def problems_of(**changes: object) -> Sequence[str]:
    with pytest.raises(ValidationError) as raised:
        settings_of(**changes)
    return [str(problem["msg"]) for problem in raised.value.errors()]


def test_without_credentials_the_simulator_is_meant() -> None:
    empty = WeComAppSettings()

    assert (False, True) == (empty.has_credentials, settings_of().has_credentials)
    assert empty.keyring == ()


@pytest.mark.parametrize("missing", sorted(CREDENTIALS))
def test_a_credential_left_out_is_named(missing: str) -> None:
    empty: object = 0 if missing == "agent_id" else ""

    assert any(f"{missing} missing" in problem for problem in problems_of(**{missing: empty}))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param(
            {"encoding_aes_key": "a" * 42}, "EncodingAESKey; this one has 42 characters (-40004)", id="a short key"
        ),
        pytest.param(
            {"encoding_aes_key": "!" * 43}, "this one has other signs in it (-40004)", id="a key of punctuation"
        ),
        pytest.param({"previous_token": "x"}, "set together", id="a previous token alone"),
        pytest.param({"previous_encoding_aes_key": AES_KEY}, "set together", id="a previous key alone"),
        pytest.param({"path": "gpt"}, 'starts with "/"', id="a path without a root"),
        pytest.param({"path": "/g{x}"}, "none of ? # % { }", id="a pattern for a path"),
        pytest.param({"path": "/gpt?a=1"}, "none of ? # % { }", id="a path with a query"),
        pytest.param({"path": "/my gpt"}, "no spaces", id="a path with a space"),
        pytest.param({"path": "/a//b"}, 'starts with "/"', id="a path with nothing between slashes"),
        pytest.param({"api_base": "qyapi.weixin.qq.com"}, "https://", id="an address without https"),
        pytest.param({"api_base": "https://"}, "https://", id="an address of nobody"),
        pytest.param({"api_base": "https://[x"}, "", id="an address that is none"),
        pytest.param({"max_pieces": 0}, "greater than or equal to 1", id="no pieces"),
        pytest.param({"agent_id": -1}, "greater than or equal to 0", id="a negative agent"),
        pytest.param({"agent_id": "1000002"}, "valid integer", id="an agent in quotes"),
        pytest.param({"message_format": "html"}, "'markdown' or 'text'", id="another format"),
        pytest.param({"corpid": "x"}, "not permitted", id="a key nobody knows"),
    ],
)
def test_settings_that_cannot_be_used_say_why(changes: dict[str, object], problem: str) -> None:
    assert any(problem in line for line in problems_of(**changes))


@pytest.mark.parametrize(
    ("typed", "meant"), [("/gpt/", "/gpt"), ("/wecom/hr", "/wecom/hr"), ("/微信", "/微信"), ("/", "/")]
)
def test_a_path_is_the_same_with_a_slash_at_its_end(typed: str, meant: str) -> None:
    assert meant == settings_of(path=typed).path


def test_settings_never_print_a_secret() -> None:
    settings = settings_of(previous_token="tttt", previous_encoding_aes_key=OLDER_AES_KEY)
    with pytest.raises(ValidationError) as raised:
        settings_of(encoding_aes_key="thisisnotakey")

    assert not any(secret in repr(settings) for secret in (SECRET, AES_KEY, OLDER_AES_KEY, "tttt"))
    assert "thisisnotakey" not in str(raised.value)
    assert isinstance(settings.secret, SecretStr)
