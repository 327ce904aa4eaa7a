"""The help of every verb in both languages: each sentence has its Chinese one, and nothing Chinese is left over."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

import web.commands
from pipeline.settings import Chat
from pipeline.text.i18n import Catalogue
from tests.web.shell import webot_here
from web.cli import Verbs
from web.settings.language import shell_language
from web.terminal.verb_help import HELP, chinese_help, option_key

ENGLISH = {"WEBOT_CHAT__LANGUAGE": "en"}


def every_command(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Sequence[str], click.Command]]:
    monkeypatch.setenv("WEBOT_CHAT__LANGUAGE", "en")
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    root = Verbs(web.commands)
    context = click.Context(root)
    waiting = [([name], root.get_command(context, name)) for name in root.list_commands(context)]
    for path, command in waiting:
        assert command is not None
        yield path, command
        if isinstance(command, click.Group):
            waiting += [([*path, name], below) for name, below in command.commands.items()]


def test_every_verb_and_option_has_its_chinese_sentence_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {"webot": {HELP, "settings"}}
    for path, command in every_command(monkeypatch):
        options = {option_key(each) for each in command.params if isinstance(each, click.Option) and each.help}
        expected[" ".join(path)] = {HELP, *options}

    assert expected == {name: set(said) for name, said in chinese_help().items()}


def test_the_help_of_every_verb_speaks_the_language_of_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in [path for path, _ in every_command(monkeypatch)]:
        chinese = webot_here(*path, "--help", folder=tmp_path, environ={"WEBOT_CHAT__LANGUAGE": "zh"})
        english = webot_here(*path, "--help", folder=tmp_path, environ=ENGLISH)

        assert (0, 0) == (chinese.code, english.code)
        assert f"Usage: webot {' '.join(path)}" in chinese.out
        assert "".join(chinese_help()[" ".join(path)][HELP].split())[:20] in "".join(chinese.out.split())
        assert not any("\u4e00" <= character <= "\u9fff" for character in english.out)


def test_where_nothing_is_set_the_shell_speaks_as_the_chat_does(tmp_path: Path) -> None:
    assert Chat().language == shell_language(tmp_path, {}) == Catalogue(shell_language(tmp_path, {})).language
