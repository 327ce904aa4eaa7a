"""Chat commands, one file each: a file that says `COMMAND = Command(…)` adds one."""

import pkgutil
from importlib import import_module

from chains.command import Command, Commands


def all_commands() -> Commands:
    """Return the commands of every file in this folder, by the files' names."""
    files = sorted(file.name for file in pkgutil.iter_modules(__path__))
    return Commands(tuple(_command_of(name) for name in files))


def _command_of(file: str) -> Command:
    command = getattr(import_module(f"{__name__}.{file}"), "COMMAND", None)
    if not isinstance(command, Command):
        message = f"chains/commands/{file}.py: needs a line `COMMAND = Command(…)`"
        raise TypeError(message)
    return command
