"""Credentials are taken as people paste them, and named where that cannot be."""

import pytest
from pydantic import SecretStr, ValidationError

from adapters.wecom.settings import WeComAppSettings
from pipeline.settings import ModelTable, Settings
from pipeline.text.credentials import database_address, tidy_credential


@pytest.mark.parametrize(
    "pasted",
    [
        *("sk-abc", " sk-abc", "sk-abc\n", "sk-abc\r\n", "\tsk-abc ", "“sk-abc”", '"sk-abc"', "'sk-abc'", "`sk-abc`"),
        *(
            "「sk-abc」",
            "\ufeffsk-abc",
            "sk-abc\u200b",
            "\u3000sk-abc\u3000",
            "ｓｋ－ａｂｃ",
            "Bearer sk-abc",
            '" sk-abc "\n',
        ),
        *("\u00a0sk-abc", "‘sk-abc’"),
    ],
)
def test_what_was_pasted_along_is_left_out(pasted: str) -> None:
    assert "sk-abc" == tidy_credential(pasted)
    assert "sk-abc" == ModelTable(api_key=SecretStr(pasted)).key


@pytest.mark.parametrize("pasted", ["sk-a\nbc", "sk-密钥", "sk-“abc", "sk-é", "sk-\u200bx y"])
def test_what_no_key_can_be_is_named_without_the_key(pasted: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ModelTable(api_key=SecretStr(pasted))

    assert "api_key" in str(refused.value)
    assert pasted not in str(refused.value)


def test_the_credentials_of_a_channel_are_tidied_alike() -> None:
    table = WeComAppSettings.model_validate(
        {"corp_id": " ww1 ", "secret": "“s”", "agent_id": 1, "token": "tok ", "encoding_aes_key": "a" * 42 + "E\n"}
    )

    assert ("ww1", "s", "tok", 43) == (
        table.corp_id,
        table.secret.get_secret_value(),
        table.token.get_secret_value(),
        len(table.encoding_aes_key.get_secret_value()),
    )


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("postgresql+asyncpg://webot:p@ss/w#@db:5432/webot", False),
        ("postgresql+asyncpg://webot:p@ss@db/webot", False),
        ("postgresql+asyncpg://webot:50%@db/webot", False),
        ("postgresql+asyncpg://webot:a/b@db/webot", False),
        ("postgresql+asyncpg://webot:p%40ss%2Fw%23@db:5432/webot", True),
        ("postgresql+asyncpg://webot:secret@db:5432/webot?ssl=require", True),
        ("postgresql+asyncpg://db:5432/webot?application_name=a@b", True),
        ("postgresql+asyncpg://webot@db/webot", True),
        ("sqlite+aiosqlite:///data/we@bot.db", True),
    ],
)
def test_a_password_in_a_database_address_is_percent_encoded(url: str, *, is_right: bool) -> None:
    if is_right:
        assert url == database_address(SecretStr(url)).get_secret_value()
    else:
        with pytest.raises(ValidationError, match="database_url") as refused:
            Settings.model_validate({"storage": {"database_url": url}})
        assert "percent-encoded: @ is %40, / is %2F, # is %23" in str(refused.value)
