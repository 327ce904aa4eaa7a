"""The settings of a self-built application, checked when they are loaded, before anything of WeCom is needed."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from adapters.wecom.callback.crypto import KEY_CHARACTERS, CallbackKeys
from pipeline.errors import BadCallback
from pipeline.settings import ChannelSettings
from pipeline.text.credentials import tidy_credential, tidy_secret
from pipeline.text.i18n import Sentence

# Braces would make a pattern of it; the others never come in a path as a server sees it.
_PATH = re.compile(r"/|(/[^\s/?#%{}]+)+/?")


def _key_or_none(key: SecretStr) -> SecretStr:
    if key.get_secret_value():
        try:
            CallbackKeys.of("", key.get_secret_value(), "")
        except BadCallback as refusal:
            count = len(key.get_secret_value())
            is_long_enough = count == KEY_CHARACTERS
            said = (
                Sentence("setting.aes_key_signs") if is_long_enough else Sentence("setting.aes_key_size", count=count)
            )
            raise ValueError(Sentence("setting.aes_key", said=said, code=refusal.code)) from None
    return key


def rooted(path: str) -> str:
    """Return a path to be called at. Raises `ValueError` for what is none."""
    if _PATH.fullmatch(path) is None:
        raise ValueError(Sentence("setting.path"))
    # With a slash at its end it is the same path to a server, so two channels must not have both.
    return path.rstrip("/") or path


def _address(base: str) -> str:
    parts = urlsplit(base)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(Sentence("setting.api_base"))
    return base.rstrip("/")


Credential = Annotated[SecretStr, AfterValidator(tidy_secret)]
CredentialId = Annotated[str, AfterValidator(tidy_credential)]
EncodingAesKey = Annotated[SecretStr, AfterValidator(tidy_secret), AfterValidator(_key_or_none)]


class WeComAppSettings(ChannelSettings):
    """The table `[channels.<name>]` of a self-built application."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Literal["wecom_app"] = "wecom_app"
    """The kind of channel."""
    chain: str = "default"
    """The chain that answers here."""
    path: Annotated[str, AfterValidator(rooted)] = "/gpt"
    """Where WeCom calls back; the path of 接收消息 URL on the app's page."""
    corp_id: CredentialId = ""
    """企业ID, under 我的企业; with it and the next four empty, the channel talks to the simulator."""
    secret: Credential = SecretStr("")
    """Secret of the app, on its page."""
    agent_id: int = Field(default=0, ge=0)
    """AgentId of the app, on its page."""
    token: Credential = SecretStr("")
    """Token of 接收消息, on the app's page."""
    encoding_aes_key: EncodingAesKey = SecretStr("")
    """EncodingAESKey of 接收消息, on the app's page; 43 letters and digits."""
    previous_token: Credential = SecretStr("")
    """The Token before a change, still accepted alongside the new one; empty otherwise."""
    previous_encoding_aes_key: EncodingAesKey = SecretStr("")
    """The EncodingAESKey before a change, together with previous_token."""
    api_base: Annotated[str, AfterValidator(_address)] = "https://qyapi.weixin.qq.com"
    """WeCom's API; another address for a relay."""
    message_format: Literal["markdown", "text"] = "markdown"
    """markdown looks better in WeCom; text is what people in the WeChat plugin can read."""
    max_pieces: int = Field(default=5, ge=1)
    """How many messages one answer may take; of a longer one the first is sent, with the whole as a document."""

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        missing = self.missing_credentials
        if missing and len(missing) < len(_CREDENTIALS):
            raise ValueError(Sentence("setting.credentials", missing=", ".join(missing), all=", ".join(_CREDENTIALS)))
        if bool(self.previous_token.get_secret_value()) != bool(self.previous_encoding_aes_key.get_secret_value()):
            raise ValueError(Sentence("setting.previous_keys"))
        return self

    @property
    def missing_credentials(self) -> tuple[str, ...]:
        """Name the keys of the five credentials that are not set."""
        values = {
            "corp_id": self.corp_id,
            "secret": self.secret.get_secret_value(),
            "agent_id": self.agent_id,
            "token": self.token.get_secret_value(),
            "encoding_aes_key": self.encoding_aes_key.get_secret_value(),
        }
        return tuple(name for name, value in values.items() if not value)

    @property
    def callback_path(self) -> str:
        """Return where WeCom calls back."""
        return self.path

    @property
    def keyring(self) -> tuple[CallbackKeys, ...]:
        """Return the pairs of token and key that callbacks may come under, the current one first."""
        pairs = (
            (self.token, self.encoding_aes_key),
            (self.previous_token, self.previous_encoding_aes_key),
        )
        return tuple(
            CallbackKeys.of(token.get_secret_value(), key.get_secret_value(), self.corp_id)
            for token, key in pairs
            if key.get_secret_value()
        )


_CREDENTIALS = ("corp_id", "secret", "agent_id", "token", "encoding_aes_key")
