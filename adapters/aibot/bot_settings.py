"""The settings of an AI bot, checked when they are loaded, before anything of WeCom is needed."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, SecretStr, model_validator

from adapters.wecom.callback.crypto import CallbackKeys
from adapters.wecom.settings import Credential, CredentialId, EncodingAesKey, rooted
from pipeline.net import is_loopback_host, is_loopback_url
from pipeline.settings import ChannelSettings
from pipeline.text.i18n import Sentence

_NOT_IN_A_URL = re.compile(r"[\s\x00-\x1f\x7f\\<>\"]")
_CREDENTIALS = {"connection": ("bot_id", "secret"), "callback": ("token", "encoding_aes_key")}


def _connection_url(url: str) -> str:
    expected = Sentence("setting.connection_url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(expected) from None
    plain = parts.scheme == "ws" and is_loopback_host(parts.hostname or "")
    usable = (parts.scheme == "wss" or plain) and parts.hostname and port != 0 and not _NOT_IN_A_URL.search(url)
    if not usable or parts.username or parts.fragment:
        raise ValueError(expected)
    return url.rstrip("/")


def _no_controls(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError(Sentence("setting.bot_name"))
    return text


class WeComAibotSettings(ChannelSettings):
    """The table `[channels.<name>]` of an AI bot."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Literal["wecom_aibot"] = "wecom_aibot"
    """The kind of channel."""
    chain: str = "default"
    """The chain that answers here."""
    mode: Literal["connection", "callback"] = "connection"
    """How WeCom reaches the bot: connection needs nothing public, callback a URL."""
    bot_id: CredentialId = ""
    """BotID, on the bot's page; with it and the secret empty, the channel talks to the simulator."""
    secret: Credential = SecretStr("")
    """Secret of the long connection, on the bot's page."""
    connection_url: Annotated[str, AfterValidator(_connection_url)] = "wss://openws.work.weixin.qq.com"
    """The address to connect to; change it for a relay. ws:// is allowed on this machine only."""
    path: Annotated[str, AfterValidator(rooted)] = "/bot"
    """Where WeCom calls back in mode callback; the path of the URL on the bot's page."""
    token: Credential = SecretStr("")
    """Token on the bot's page, in mode callback."""
    encoding_aes_key: EncodingAesKey = SecretStr("")
    """EncodingAESKey on the bot's page, in mode callback; 43 letters and digits."""
    name: Annotated[str, AfterValidator(_no_controls)] = ""
    """The bot's name in WeCom, which people mention with @ in groups; separate several names with commas."""
    thinking: Literal["hide", "show"] = "hide"
    """Whether the model's reasoning is shown above its answer, in WeCom's folding block."""

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        wanted = _CREDENTIALS[self.mode]
        missing = self.missing_credentials
        if missing and len(missing) < len(wanted):
            raise ValueError(Sentence("setting.both", missing=", ".join(missing), first=wanted[0], second=wanted[1]))
        return self

    @property
    def missing_credentials(self) -> tuple[str, ...]:
        """Name the keys of the mode's credentials that are not set."""
        values = {
            "bot_id": self.bot_id,
            "secret": self.secret.get_secret_value(),
            "token": self.token.get_secret_value(),
            "encoding_aes_key": self.encoding_aes_key.get_secret_value(),
        }
        return tuple(name for name in _CREDENTIALS[self.mode] if not values[name])

    @property
    def callback_path(self) -> str:
        """Return where WeCom calls back; nowhere in mode connection."""
        return self.path if self.mode == "callback" else ""

    @property
    def keyring(self) -> tuple[CallbackKeys, ...]:
        """Return the token and key of callbacks; their receive id is empty."""
        key = self.encoding_aes_key.get_secret_value()
        return (CallbackKeys.of(self.token.get_secret_value(), key, ""),) if key else ()

    @property
    def is_local(self) -> bool:
        """Whether WeCom is played on this machine."""
        return is_loopback_url(self.connection_url)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the bot's names, the longest first."""
        names = (name.strip().removeprefix("@") for name in re.split("[,，]", self.name))
        return tuple(sorted(filter(None, names), key=len, reverse=True))
