"""The help of every verb in both languages: each sentence has its Chinese one, and nothing Chinese is left over."""

import ast
import re
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
from web.terminal.click_words import COMPILED, compile_click_words, read_click_words
from web.terminal.verb_help import HELP, chinese_help, option_key

NAMES = {"DATA DIR"}
NAMED = re.compile(
    r"webot(?: [a-z-]+)+|EncodingAESKey|`[^`]*`|(?<!\w)--?[\w-]+|[A-Z][A-Z_|. \[\]-]+|\S*[./_]\S*|\[[^\]]*\]"
)
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
    expected = {"webot": {HELP, "settings", "version"}}
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
        assert f"用法: webot {' '.join(path)}" in chinese.out
        assert [] == english_words(chinese.out)
        assert "".join(chinese_help()[" ".join(path)][HELP].split())[:20] in "".join(chinese.out.split())
        assert not any("\u4e00" <= character <= "\u9fff" for character in english.out)


def english_words(text: str) -> list[str]:
    """Return the English words of a Chinese text that are no names: of two or more in a row, and click's own."""
    without_names = re.sub(
        r"webot(?: [a-z-]+)+|EncodingAESKey|`[^`]*`|(?<!\w)--?[\w-]+|[A-Z][A-Z_|. \[\]-]+|\S*[./_]\S*|\[[^\]]*\]",
        " ",
        text,
    )
    rows = re.findall(r"[A-Za-z']{2,}(?: +[A-Za-z']{2,})+", without_names)
    clicks = re.findall(r"Usage|Options|Commands|Error|Missing|Invalid|No such|Try|Show this|default:|required", text)
    return [*clicks, *(row for row in rows if row not in NAMES)]


def every_sentence_of_click() -> set[str]:
    """Return what click says through gettext, the singular where there are two."""
    said = set()
    for file in Path(click.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("_" | "ngettext"), args=[ast.Constant(str() as sentence), *_]):
                    said.add(sentence)
                case _:
                    pass
    return said


# What people who write a verb would read, and what webot has no use for.
NOT_SAID = (
    "Boolean option",
    "Name '{name}'",
    "Arguments take exactly",
    "No options defined",
    "Could not determine",
    "Unknown",
    "Choice(",
    "%(prog)s",
    "Windows error",
    "DeprecationWarning",
    "Couldn't detect Bash",
    "Shell completion",
    "d",
)


def test_click_has_a_chinese_sentence_for_each_of_its_own() -> None:
    single, plural = read_click_words()
    said = {sentence for sentence in every_sentence_of_click() if not sentence.startswith(NOT_SAID[:-1])} - {"d"}

    assert said <= {*single, *plural, "deprecated"}
    assert {*single, *plural} <= every_sentence_of_click() | {"required"}
    assert COMPILED.read_bytes() == compile_click_words(), "make docs puts this right"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verb", ["chains", "turns", "models", "console", "token", "menu"])
def test_the_verbs_of_a_group_are_listed_with_whole_sentences(tmp_path: Path, verb: str, language: str) -> None:
    ran = webot_here(verb, "--help", folder=tmp_path, environ={"WEBOT_CHAT__LANGUAGE": language})

    assert "..." not in re.sub(r"\.\.\.\]|\[ARGS\]\.\.\.|\[ID\]\.\.\.", "", ran.out)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "用法:"),
        (["nosuch"], "错误：没有命令 nosuch。"),
        (["turns", "nosuch"], "错误：没有命令 nosuch。"),
        (["chians"], "错误：没有命令 chians。 是不是想写 'chains'"),
        (["turns", "retyr"], "错误：没有命令 retyr。 是不是想写 'retry'"),
        (["turns", "--nosuch"], "错误：没有选项 --nosuch。"),
        (["turns", "--limi", "3"], "是不是想写 '--limit'"),
        (["turns", "--limit"], "错误：选项 --limit 后面要有值。"),
        (["turns", "--limit", "x"], "“x”不是数字"),
        (["turns", "--limit", "0"], "0 不在范围 x>=1 内。"),
        (["turns", "--json=1"], "错误：选项 --json 不带值。"),
        (["turns", "show"], "错误：缺少参数 'ID'"),
        (["usage", "--by", "x"], "“x”不在可选范围内："),
        (["usage", "--since", "x"], "“x”不是日期；请写成 2026-11-22"),
        (["version", "x", "y"], "错误：多出了参数（x y）"),
        (["--settings", "/nosuch", "version"], "/nosuch 不存在。"),
        (["chains", "check", "/"], "/ 是文件夹"),
        (["token", "create", "x"], "错误：缺少选项 '--role'"),
        (["console", "user", "add", "x", "--role", "king"], "“king”不在可选范围内："),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_usage_errors_are_in_the_language_of_the_deployment(tmp_path: Path, args: list[str], said: str) -> None:
    chinese = webot_here(*args, folder=tmp_path)
    english = webot_here(*args, folder=tmp_path, environ=ENGLISH)

    assert 2 == chinese.code == english.code
    assert said in chinese.out + chinese.err
    assert [] == english_words(chinese.out + chinese.err)
    assert "用法" not in english.out + english.err


def test_where_nothing_is_set_the_shell_speaks_as_the_chat_does(tmp_path: Path) -> None:
    assert Chat().language == shell_language(tmp_path, {}) == Catalogue(shell_language(tmp_path, {})).language
