"""The menu of real WeCom applications, pushed from the settings, read back and taken away."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from adapters.wecom.client.api import WeComApi
from adapters.wecom.client.cache import Cache
from adapters.wecom.client.http import QyapiHttp
from adapters.wecom.client.menu import menu_body
from adapters.wecom.settings import WeComAppSettings
from chains.commands import all_commands
from pipeline.errors import WebotError
from pipeline.settings import MenuButton, Settings
from web.settings.loading import Loaded


class NoSuchApp(WebotError):
    """There is no application to do it to: an unknown channel, or one that the simulator plays."""


async def push(loaded: Loaded, name: str) -> None:
    """Return an app the menu of the settings, in place of any it has."""
    async with _api(loaded, name) as api:
        await api.create_menu(loaded.settings.menu.buttons)


async def read_menu(loaded: Loaded, name: str) -> Sequence[Mapping[str, Any]]:
    """Return an app's menu as WeCom writes it, nothing if it has none."""
    async with _api(loaded, name) as api:
        return await api.menu()


async def delete(loaded: Loaded, name: str) -> None:
    """Take an app's menu away."""
    async with _api(loaded, name) as api:
        await api.delete_menu()


def named(loaded: Loaded, channel: str | None) -> tuple[str, ...]:
    """Return the channels meant: one by name, or every one with credentials. Raises `NoSuchApp`."""
    real = tuple(name for name, table in _tables(loaded).items() if table.has_credentials)
    if channel is None:
        if not real:
            raise NoSuchApp(_NO_WECOM)
        return real
    if channel not in loaded.channels:
        raise NoSuchApp(f"there is no channel {channel!r}; there are {', '.join(loaded.channels)}")
    if channel not in real:
        raise NoSuchApp(f"[channels.{channel}]: {_NO_WECOM}")
    return (channel,)


def check(settings: Settings) -> Sequence[str]:
    """Hold the menu of the settings against WeCom's limits; return hints at keys that are no command.

    Raises `SettingsInvalid`.
    """
    buttons = settings.menu.buttons
    menu_body(buttons)
    commands = all_commands()
    return [
        f"[menu] button {button.name!r}: {button.key!r} is no command of webot's own; unless a chain has it, a click "
        "is answered with an apology"
        for button in _pressed(buttons)
        if button.key and commands.find(button.key) is None
    ]


def outline(buttons: Sequence[Mapping[str, Any]], indent: str = "") -> Iterator[str]:
    """Return a menu as WeCom writes it, one line a button."""
    for button in buttons:
        below = button.get("sub_button") or []
        does = button.get("key") or button.get("url") or button.get("pagepath") or ""
        yield f"{indent}{button.get('name', '')}{f'  {does}' if does else ''}"
        yield from outline(below, indent + "  ")


_NO_WECOM = "no WeCom credentials are set, the simulator stands in: there is no WeCom app whose menu it could be"


def _pressed(buttons: Sequence[MenuButton]) -> Iterator[MenuButton]:
    for button in buttons:
        yield button
        yield from _pressed(button.buttons)


def _tables(loaded: Loaded) -> Mapping[str, WeComAppSettings]:
    return cast("Mapping[str, WeComAppSettings]", loaded.channels)


@asynccontextmanager
async def _api(loaded: Loaded, name: str) -> AsyncIterator[WeComApi]:
    table = _tables(loaded)[name]
    # The service's own cache: no token is asked for that it has already.
    cache = Cache(Path(loaded.settings.storage.data_dir) / "cache")
    api = WeComApi(
        QyapiHttp(table.api_base, proxy=loaded.settings.network.proxy.get_secret_value()),
        corp_id=table.corp_id,
        secret=table.secret.get_secret_value(),
        agent_id=table.agent_id,
        cache=cache,
    )
    try:
        yield api
    finally:
        await api.aclose()
        await cache.aclose()
