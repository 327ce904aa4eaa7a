"""Settings files as a test writes them, and a pretend kind of channel with keys of its own."""

from pathlib import Path

from pydantic import Field, SecretStr

from adapters.channel_kind import ChannelKind
from pipeline.settings import ChannelSettings
from tests.fakes.pretend_channel import open_pretend, pretend_findings


class PretendApp(ChannelSettings):
    """The own keys of a pretend kind of channel."""

    kind: str = "wecom_app"
    path: str = "/gpt"
    agent_id: int = Field(default=0, ge=0)
    token: SecretStr = SecretStr("")
    tags: tuple[str, ...] = ()

    @property
    def missing_credentials(self) -> tuple[str, ...]:
        return () if self.token.get_secret_value() else ("token",)


KINDS = {"wecom_app": ChannelKind("wecom_app", PretendApp, open=open_pretend, examine=pretend_findings)}


def write(folder: Path, **files: str) -> None:
    names = {"settings": "settings.toml", "local": "settings.local.toml", "secrets": ".secrets.toml"}
    for name, text in files.items():
        (folder / names[name]).write_text(text, encoding="utf-8")
