"""Opens the channels of the settings; those without credentials get an app of the simulator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.simulator.platform.apps import App, invent_app
from adapters.wecom.settings import WeComAppSettings
from adapters.wecom_app import WeComApp, open_wecom_app
from pipeline.errors import SettingsInvalid
from pipeline.ports import MediaStore, SendLimiter
from pipeline.settings import Settings

RESERVED = ("/console", "/healthz", "/metrics", "/operations", "/readyz", "/static", "/test")


@dataclass(frozen=True, slots=True)
class Opened:
    """A channel with the path at which its platform calls, and its app where it is simulated."""

    channel: WeComApp
    path: str
    simulated: App | None = None


def plan_apps(channels: Mapping[str, WeComAppSettings], own_url: str) -> dict[str, App]:
    """Invent an app for each channel that has no credentials; they call back at `own_url`."""
    wanting = [(name, table) for name, table in channels.items() if not table.has_credentials]
    return {
        name: invent_app(agent_id=1000002 + place, callback_url=own_url + table.path, name=name)
        for place, (name, table) in enumerate(wanting)
    }


def open_channels(
    tables: Mapping[str, WeComAppSettings],
    settings: Settings,
    *,
    apps: Mapping[str, App],
    api_base: str,
    media: MediaStore,
    send_limiter: Callable[[], SendLimiter],
) -> dict[str, Opened]:
    """Open every channel. Raises `SettingsInvalid` for two that would get each other's messages."""
    if problems := clashes(tables, settings):
        raise SettingsInvalid(problems)
    opened: dict[str, Opened] = {}
    for name, table in tables.items():
        app = apps.get(name)
        channel = open_wecom_app(
            name,
            table if app is None else _simulated(table, app, api_base),
            media=media,
            send_limiter=send_limiter(),
            cache_folder=Path(settings.storage.data_dir) / "cache",
            proxy=settings.network.proxy.get_secret_value(),
            language=settings.chat.language,
        )
        opened[name] = Opened(channel, table.path, app)
    return opened


def clashes(tables: Mapping[str, WeComAppSettings], settings: Settings) -> list[str]:
    """Return what keeps channels that are each right in themselves from being open together."""
    problems = [*_shared_paths(tables), *_shared_apps(tables)]
    if not settings.simulator.enabled:
        problems += [
            f"[channels.{name}]: no credentials, and [simulator] enabled is false; set corp_id, secret, agent_id, "
            "token and encoding_aes_key, or enable the simulator"
            for name, table in tables.items()
            if not table.has_credentials
        ]
    return problems


def _simulated(table: WeComAppSettings, app: App, api_base: str) -> WeComAppSettings:
    return WeComAppSettings.model_validate(
        table.model_dump()
        | {
            "corp_id": app.corp_id,
            "secret": app.secret,
            "agent_id": app.agent_id,
            "token": app.token,
            "encoding_aes_key": app.encoding_aes_key,
            "api_base": api_base,
        }
    )


def _shared_paths(tables: Mapping[str, WeComAppSettings]) -> list[str]:
    taken: dict[str, str] = {}
    problems = []
    for name, table in tables.items():
        if any(table.path == path or table.path.startswith(f"{path}/") for path in RESERVED) or table.path == "/":
            problems.append(f"[channels.{name}] path: {table.path!r} is webot's own; choose another, such as '/gpt'")
        elif table.path in taken:
            problems.append(f"[channels.{name}] path: {table.path!r} is also [channels.{taken[table.path]}]'s")
        taken[table.path] = name
    return problems


def _shared_apps(tables: Mapping[str, WeComAppSettings]) -> list[str]:
    taken: dict[tuple[str, int], str] = {}
    problems = []
    for name, table in tables.items():
        app = (table.corp_id, table.agent_id)
        if table.has_credentials and app in taken:
            problems.append(
                f"[channels.{name}]: app {table.agent_id} of {table.corp_id} is also [channels.{taken[app]}]'s"
            )
        taken[app] = name
    return problems
