"""Whatever is typed behind a verb: the answer is a sentence in the language of the deployment."""

import asyncio
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import click
import pytest

import web.commands
from tests.service import running_service
from tests.web.shell import Ran, english_sentences, webot_here
from web.cli import Verbs

WRONG: Mapping[str, str] = {
    "unknown": "nosuch",
    "empty": "",
    "negative": "-1",
    "no day": "2026-13-45",
    "folder": ".",
    "huge": "9" * 30,
    "missing file": "nowhere/x.toml",
    "signs": "(x)😀",
}
ARGUMENTS = ("unknown", "empty", "folder", "signs")
BESIDE_ROWS: Mapping[str, str] = {
    "none": "0",
    "white space": " \t",
    "wide digits": "１２",
    "half a pair": "wecom/",
    "SQL": "' OR 1=1 --",
    "patterns": "%_*",
    "two lines": "a\nb",
    "the latest": "99",
}
"""What may be taken for something that is there."""
STARTS = {"serve", "chat", "doctor"}
"""These run a service or ask WeCom; test_cli, test_chat and test_examination have them."""
NAMED = re.compile(
    r"webot(?: [a-z-]+)+|`[^`]*`|(?<!\w)--?[\w-]+|[A-Z][A-Z_|. \[\]-]+|\S*[./_]\S*|\[[^\]]*\]|“[^”]*”|'[^']*'"
)
PYTHON = re.compile(
    r"Traceback|<[\w.]+ object|<class|\{'|\bNone\b|\b[A-Z]\w*(?:Error|Exception)\b|PosixPath|dict_|mappingproxy"
)
KINDS = {"文件", "目录", "路径"}
"""Click translates what kind of path an option takes once, when a verb is loaded; a process speaks one language."""
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff01-\uff20]+")

Path_ = Sequence[str]


def below(group: click.Group, path: Path_) -> Iterator[tuple[Path_, click.Command]]:
    """Yield the commands of a group, and theirs."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from below(command, (*path, name))


def calls(
    verb: str, wrong: Mapping[str, str] = WRONG, arguments_wrong: Sequence[str] = ARGUMENTS
) -> Iterator[tuple[str, ...]]:
    """Yield what is typed: the arguments wrong in some ways, and each option wrong in one."""
    ways = count()
    for path, command in below(Verbs(web.commands), ()):
        if path[0] != verb:
            continue
        needed: list[str] = []
        for option in command.params:
            if isinstance(option, click.Option) and (option.required or option.prompt):
                needed += [option.opts[0], "reader" if isinstance(option.type, click.Choice) else "twelve-letters"]
        arguments = [each for each in command.params if isinstance(each, click.Argument)]
        for way in arguments_wrong if arguments else ():
            yield (*path, *needed, "--", *(wrong[way] for _ in arguments))
        for option in command.params:
            if isinstance(option, click.Option) and not option.is_flag:
                value = list(wrong.values())[next(ways) % len(wrong)]
                yield (
                    *path,
                    *needed,
                    f"{option.opts[0]}={value}",
                    *(["--"] if arguments else ()),
                    *("x" for _ in arguments),
                )


def faults(ran: Ran, language: str) -> list[str]:
    """Return what no person should read in it."""
    said = ran.out + ran.err
    wrong_language = english_sentences(NAMED.sub(" ", said)) if language == "zh" else CHINESE.findall(said)
    return [*PYTHON.findall(said), *(each for each in wrong_language if each not in KINDS)]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("verb", sorted({*Verbs(web.commands).list_commands(click.Context(click.Group()))} - STARTS))
def test_wrong_input_is_answered_by_a_sentence(tmp_path: Path, verb: str, language: str) -> None:
    found = {}
    for number, typed in enumerate(calls(verb)):
        (folder := tmp_path / str(number)).mkdir()
        # An error that is not answered comes out here.
        ran = webot_here(*typed, folder=folder, environ={"WEBOT_CHAT__LANGUAGE": language})
        if wrong := faults(ran, language):
            found[typed] = wrong, ran.out + ran.err

    assert {} == found


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a database in which two people have been answered."""
    folder = tmp_path_factory.mktemp("rows")

    async def answer() -> None:
        async with running_service(folder) as service:
            for person in ("zhangsan", "lisi"):
                await service.phone(person).say("年假怎么休？")
                await service.phone(person).texts(count=1)

    asyncio.run(answer())
    return folder


@pytest.mark.parametrize("verb", ["audit", "console", "export", "forget", "token", "turns", "usage"])
def test_wrong_input_beside_rows_is_answered_by_a_sentence_and_changes_none(
    tmp_path: Path, rows: Path, verb: str
) -> None:
    shutil.copytree(rows, tmp_path, dirs_exist_ok=True)
    url = f"sqlite:///{tmp_path}/webot.db"
    environ = {"WEBOT_CHAT__LANGUAGE": "zh", "WEBOT_STORAGE__DATABASE_URL": url}
    before = webot_here("usage", "--by", "person", folder=tmp_path, environ=environ)
    found = {}
    for typed in calls(verb, BESIDE_ROWS, tuple(BESIDE_ROWS)):
        ran = webot_here(*typed, folder=tmp_path, environ=environ)
        if wrong := faults(ran, "zh"):
            found[typed] = wrong, ran.out + ran.err

    assert {} == found
    assert "lisi" in before.out
    assert before == webot_here("usage", "--by", "person", folder=tmp_path, environ=environ)


@pytest.mark.parametrize("typed", [("history", "nosuch"), ("rollback", "nosuch", "1a2b"), ("diff", "nosuch", "1a2b")])
def test_a_chain_there_is_not_is_said_to_be_none(tmp_path: Path, typed: tuple[str, ...]) -> None:
    ran = webot_here("chains", *typed, folder=tmp_path, environ={"WEBOT_CHAT__LANGUAGE": "zh"})

    assert (1, "") == (ran.code, ran.out)
    assert ran.err.startswith("webot: 没有对话链“nosuch”；现有 ")


def test_a_model_of_which_nothing_is_given_is_not_said_to_be_there_already(tmp_path: Path) -> None:
    ran = webot_here("models", "set", "new", folder=tmp_path, environ={"WEBOT_CHAT__LANGUAGE": "en"})

    assert 2 == ran.code
    assert "Error: name at least one thing to set, such as --model" in ran.err


def test_options_of_a_trial_are_shown_as_they_are_written_in_a_chain(tmp_path: Path) -> None:
    drafts = tmp_path / "data" / "chains" / "drafts"
    drafts.mkdir(parents=True)
    (drafts / "x.toml").write_text('[options]\ntemperature = 0.2\nstop = ["完"]\n', encoding="utf-8")
    ran = webot_here("chains", "try", "x", "?", folder=tmp_path, environ={"WEBOT_CHAT__LANGUAGE": "zh"})

    assert 0 == ran.code, ran.err
    assert '选项：temperature = 0.2, stop = ["完"]' in ran.err
