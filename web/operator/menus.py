"""The menu of real WeCom applications, pushed from the settings, read back and taken away."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from adapters.channel_kind import ChannelMenu
from chains.commands import all_commands
from pipeline.errors import WebotError
from pipeline.settings import MenuButton
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import placed
from storage.conversations.audit import operator, record
from storage.database.engine import Database
from web.operator.accounts import run_on_accounts
from web.settings.loading import Loaded


class NoSuchApp(WebotError):
    """There is no application to do it to: an unknown channel, or one that the simulator plays."""


async def push(loaded: Loaded, name: str) -> None:
    """Return an app the menu of the settings, in place of any it has."""
    async with _menu(loaded, name) as menu:
        await menu.create_menu(loaded.settings.menu_buttons)


async def read_menu(loaded: Loaded, name: str) -> Sequence[Mapping[str, Any]]:
    """Return an app's menu as WeCom writes it, nothing if it has none."""
    async with _menu(loaded, name) as menu:
        return await menu.menu()


async def delete(loaded: Loaded, name: str) -> None:
    """Take an app's menu away."""
    async with _menu(loaded, name) as menu:
        await menu.delete_menu()


def note_push(loaded: Loaded, details: Mapping[str, Any]) -> None:
    """Record that the user of this shell has set an app's menu, or taken it away."""

    async def work(database: Database) -> None:
        await record(database, "menu_push", operator(), details, conversations=0, messages=0)

    run_on_accounts(loaded.settings, work)


def named(loaded: Loaded, channel: str | None) -> tuple[str, ...]:
    """Return the channels meant: one by name, or every one with credentials. Raises `NoSuchApp`."""
    with_menu = tuple(name for name, table in loaded.channels.items() if loaded.kinds[table.kind].menu)
    real = tuple(name for name in with_menu if loaded.channels[name].has_credentials)
    if channel is None:
        if not real:
            raise NoSuchApp(Sentence("shell.menu_simulated"))
        return real
    if channel not in loaded.channels:
        raise NoSuchApp(Sentence("shell.menu_no_channel", channel=channel, known=", ".join(loaded.channels)))
    if channel not in with_menu:
        raise NoSuchApp(Sentence("shell.menu_no_kind", channel=channel))
    if channel not in real:
        raise NoSuchApp(Sentence("shell.menu_simulated_one", channel=channel))
    return (channel,)


def check(loaded: Loaded) -> Sequence[str]:
    """Check the menu of the settings against the platforms' limits; return hints at keys that are no command.

    Raises `SettingsInvalid`.
    """
    buttons = loaded.settings.menu_buttons
    for kind in loaded.kinds.values():
        kind.check_menu(buttons)
    commands = all_commands()
    return [
        placed(f"[menu] button {button.name!r}", Sentence("setting.menu_no_command", key=repr(button.key)))
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


def planned(loaded: Loaded) -> Sequence[Mapping[str, Any]]:
    """Return the menu of the settings as WeCom would write it."""
    return [_written(button) for button in loaded.settings.menu_buttons]


def _written(button: MenuButton) -> Mapping[str, Any]:
    below = [_written(each) for each in button.buttons]
    return {"name": button.name, "key": button.key, "url": button.url, "sub_button": below}


def _pressed(buttons: Sequence[MenuButton]) -> Iterator[MenuButton]:
    for button in buttons:
        yield button
        yield from _pressed(button.buttons)


def _menu(loaded: Loaded, name: str) -> AbstractAsyncContextManager[ChannelMenu]:
    table = loaded.channels[name]
    opened = loaded.kinds[table.kind].menu
    if opened is None:
        raise NoSuchApp(Sentence("shell.menu_no_kind", channel=name))
    proxy = loaded.settings.network.proxy.get_secret_value()
    return opened(table, Path(loaded.settings.storage.data_dir) / "cache", proxy)
