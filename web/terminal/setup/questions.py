"""The questions of `webot init`: an option answers one; what is missing is asked for, in a terminal only."""

from collections.abc import Callable, Mapping
from typing import Protocol

import click
from pydantic import BaseModel

from pipeline.text.i18n import Catalogue, in_language
from web.settings.settings_edit import Value
from web.settings.validation import validate_table


class Prompter(Protocol):
    """Where somebody answers."""

    @property
    def is_there(self) -> bool:
        """Whether anybody can be asked."""

    def ask(self, question: str, *, secret: bool, default: str = "") -> str:
        """Ask for a line; a secret is not echoed."""

    def agree(self, question: str) -> bool:
        """Ask for yes or no."""


class Questions:
    """Answers by option or by terminal, each checked as the settings would check it."""

    def __init__(self, given: Mapping[str, str], terminal: Prompter, words: Catalogue) -> None:
        self._given = dict(given)
        self._terminal = terminal
        self._words = words
        self.missing: list[str] = []
        """The options that nobody could be asked for."""

    def forget_given(self, keys: Mapping[str, object]) -> None:
        """Ask for these in spite of their options: what was given did not work."""
        for key in keys:
            self._given.pop(key, None)

    def choice(self, option: str, choices: tuple[str, ...]) -> str:
        """Return one of the choices, the first where Enter alone is pressed."""

        def refusal(said: str) -> str:
            among = ", ".join(choices)
            return "" if said in choices else self._words.text("init.choice", found=said, choices=among)

        return self._answer(option, refusal, default=choices[0])

    def value(
        self, option: str, model: type[BaseModel], where: str, key: str, *, secret: bool = False, default: str = ""
    ) -> Value:
        """Return a setting's value that its model takes."""

        def refusal(said: str) -> str:
            if not said:
                return self._words.text("init.needed")
            problems = validate_table(model, {key: typed(key, said)}, where)
            own = (
                [each for each in problems if each.startswith(f"{where} {key}")] if isinstance(problems, tuple) else []
            )
            return "; ".join(in_language(each, self._words) for each in own)

        return typed(key, self._answer(option, refusal, secret=secret, default=default))

    def optional(self, option: str, model: type[BaseModel], where: str, key: str, *, secret: bool = False) -> Value:
        """Return a setting's value, or "" where none was given and none is entered."""
        if option not in self._given and not self._terminal.is_there:
            return ""
        if option in self._given or (said := self._terminal.ask(self._text(option), secret=secret)):
            if option not in self._given:
                self._given[option] = said
            return self.value(option, model, where, key, secret=secret)
        return ""

    def _answer(self, option: str, refusal: Callable[[str], str], *, secret: bool = False, default: str = "") -> str:
        said = self._given.get(option)
        while True:
            if said is None:
                if not self._terminal.is_there:
                    self.missing.append(f"--{option}")
                    return ""
                said = self._terminal.ask(self._text(option), secret=secret, default=default)
            said = said.strip()
            if not (why := refusal(said)):
                self._given[option] = said
                return said
            if not self._terminal.is_there:
                raise click.UsageError(f"--{option}: {why}")
            click.echo(f"✗ {why}")
            said = None

    def _text(self, option: str) -> str:
        return self._words.text(f"init.ask_{option.replace('-', '_')}")


def typed(key: str, said: str) -> Value:
    """Return what is entered for a key as TOML has it: the application's number is one."""
    return int(said) if key == "agent_id" and said.isascii() and said.isdigit() else said
