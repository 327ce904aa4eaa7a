"""The help of the shell in Chinese: what each verb and option says, by the verb's words and the option's name."""

import tomllib
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import click

HELP = "help"


@cache
def chinese_help() -> Mapping[str, Mapping[str, str]]:
    """Return what each verb says; `chains publish` and its like are one name. Reads a file."""
    text = Path(__file__).with_name("verb_help.zh.toml").read_text(encoding="utf-8")
    read: dict[str, Any] = tomllib.loads(text)
    return read


def spoken_command(command: click.Command, path: Sequence[str], language: str) -> click.Command:
    """Return a command that says its help in a language, as do its options and the verbs below it."""
    said = chinese_help().get(" ".join(path), {}) if language == "zh" else {}
    # A copy in either language: click keeps with a command what it has said once.
    spoken = copy(command)
    spoken.help = said.get(HELP, command.help)
    # Without it, click cuts the line of a verb in the list of its group off at 45 characters and more.
    spoken.short_help = (spoken.help or "").strip().partition("\n")[0]
    spoken.params = [_option_in_chinese(each, said) for each in command.params]
    if isinstance(spoken, click.Group):
        spoken.commands = {
            name: spoken_command(below, [*path, name], language) for name, below in spoken.commands.items()
        }
    return spoken


def _option_in_chinese(parameter: click.Parameter, said: Mapping[str, str]) -> click.Parameter:
    if not isinstance(parameter, click.Option) or not parameter.help:
        return parameter
    spoken = copy(parameter)
    spoken.help = said.get(option_key(parameter), parameter.help)
    return spoken


def option_key(option: click.Option) -> str:
    """Return under which key an option's help stands: its longest name without dashes."""
    return max(option.opts, key=len).lstrip("-")
