"""Settings of a channel with credentials, whose WeCom is a simulator."""

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
