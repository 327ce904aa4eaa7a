"""Settings files as a test writes them, and a pretend kind of channel with keys of its own."""

from pathlib import Path

from pydantic import Field, SecretStr

from pipeline.settings import Table


class PretendApp(Table):
    """The own keys of a pretend kind of channel."""

    path: str = "/gpt"
    agent_id: int = Field(default=0, ge=0)
    token: SecretStr = SecretStr("")
    tags: tuple[str, ...] = ()


KINDS = {"wecom_app": PretendApp}


def write(folder: Path, **files: str) -> None:
    names = {"settings": "settings.toml", "local": "settings.local.toml", "secrets": ".secrets.toml"}
    for name, text in files.items():
        (folder / names[name]).write_text(text, encoding="utf-8")
