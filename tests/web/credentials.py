"""Settings of a channel with credentials, whose WeCom is a simulator; a password of the console."""

import hashlib
from base64 import b64encode

from adapters.simulator.platform.apps import App


def credentials(app: App, api_base: str, *, channel: str = "wecom", **more: str) -> dict[str, str]:
    """Give the environment that sets a channel up as an app; `more` are further keys of its table."""
    keys = {
        "kind": "wecom_app",
        "corp_id": app.corp_id,
        "secret": app.secret,
        "agent_id": str(app.agent_id),
        "token": app.token,
        "encoding_aes_key": app.encoding_aes_key,
        "api_base": api_base,
    }
    return {f"WEBOT_CHANNELS__{channel.upper()}__{key.upper()}": value for key, value in (keys | more).items()}


def cheap_hash(password: str) -> str:
    """Return what [console] password_hash wants, made and tried in no time: real ones take a tenth of a second."""
    digest = hashlib.scrypt(password.encode(), salt=b"salt", n=2, r=8, p=1, dklen=32)
    return f"scrypt$2$8$1${b64encode(b'salt').decode()}${b64encode(digest).decode()}"
