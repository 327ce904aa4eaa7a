import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import web.commands
from pipeline.settings import Settings
from tests.fakes import verbs as fakes
from tests.web.shell import MAIN, ROOT, Ran, environ_for, webot_here

PRETEND = "import sys; from tests.fakes import verbs; from web.cli import main; sys.exit(main(verbs))"


def webot(*args: str, folder: Path = ROOT, package: ModuleType = web.commands, **environ: str) -> Ran:
    return webot_here(*args, folder=folder, environ=environ, package=package)


def process(*args: str, folder: Path = ROOT, program: str = MAIN, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", program, *args],
        cwd=folder,
        env=environ_for(environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def verbs() -> set[str]:
    files = Path(web.commands.__path__[0]).glob("[!_]*.py")
    return {file.stem.replace("_", "-") for file in files}


def test_the_help_names_every_verb_with_what_it_does() -> None:
    for language, head, version in (("en", "Commands:", "Show the version."), ("zh", "命令:", "显示版本。")):
        ran = webot("--help", WEBOT_CHAT__LANGUAGE=language)
        listed = dict(re.findall(r"^  ([a-z-]+)  +(\S.*)$", ran.out.partition(head)[2], re.MULTILINE))

        assert (0, verbs()) == (ran.code, set(listed))
        assert version == listed["version"]


def test_the_help_waits_for_no_heavy_library() -> None:
    ran = process(
        "--help",
        program="import sys; from web.cli import main; main(); print(*sys.modules, sep='\\n', file=sys.stderr)",
    )
    imported = set(ran.stderr.split())

    assert "click" in imported
    assert set() == imported & {
        "adapters",
        "asyncio",
        "chains",
        "dynaconf",
        "httpx2",
        "langchain",
        "langchain_core",
        "litestar",
        "openai",
        "pydantic",
        "rich",
        "sqlalchemy",
        "storage",
        "structlog",
        "uvicorn",
    }


def test_the_help_imports_no_verb_at_all() -> None:
    ran = process("--help", program=PRETEND)

    assert (0, "") == (ran.returncode, ran.stderr)
    assert "heavy            Need a library that is never there." in ran.stdout


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_verb_has_its_own_help(verb: str) -> None:
    ran = webot(verb, "--help")

    assert (0, "") == (ran.code, ran.err)
    assert f"用法: webot {verb}" in ran.out


def test_no_verb_is_a_call_for_help() -> None:
    ran = webot()

    assert 2 == ran.code
    assert "命令:" in ran.out + ran.err


def test_an_unknown_verb_is_told_in_one_line() -> None:
    ran = webot("chek")

    assert 2 == ran.code
    assert "没有命令 chek。" in ran.err
    assert "check" in ran.err.partition("是不是想写")[2]


def test_our_errors_are_one_message_and_no_traceback() -> None:
    ran = process("already", program=PRETEND)

    assert (1, "", "webot: the database is another process's\n") == (ran.returncode, ran.stdout, ran.stderr)


def test_settings_problems_stand_under_one_another() -> None:
    ran = webot("refuse-settings", package=fakes)
    english = webot("refuse-settings", package=fakes, WEBOT_CHAT__LANGUAGE="en")

    assert (1, "这些设置不能用：\n  one thing\n  another\n") == (ran.code, ran.err)
    assert (1, "These settings cannot be used:\n  one thing\n  another\n") == (english.code, english.err)


def test_a_verb_chooses_its_exit_code() -> None:
    assert 7 == webot("leave", "7", package=fakes).code
    assert 0 == webot("leave", "0", package=fakes).code


def test_ctrl_c_ends_a_verb_quietly() -> None:
    with subprocess.Popen(  # noqa: S603 (our own program)
        # Whoever runs the tests behind a shell has them, and all they start, ignore Ctrl-C.
        [
            sys.executable,
            "-c",
            f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {PRETEND}",
            "wait",
        ],
        cwd=ROOT,
        env=environ_for(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        try:
            assert "ready\n" == running.stdout.readline()

            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=30)
        finally:
            running.kill()

    assert (130, "") == (running.returncode, said.strip())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://someone:hunter2@127.0.0.1:1/webot",
        "sqlite+aiosqlite:////proc/webot/webot.db",
        "sqlite+aiosqlite:///letter.txt",
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_a_line(tmp_path: Path, url: str) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 100)
    environ = {"WEBOT_STORAGE__DATABASE_URL": url, "WEBOT_STORAGE__WAIT_SECONDS": "0", "WEBOT_SERVER__PORT": "0"}
    ran = process("serve", folder=tmp_path, **environ)

    assert 1 == ran.returncode
    assert 1 == len(ran.stderr.splitlines())
    assert ran.stderr.startswith("webot: 数据库无法使用：")
    assert "hunter2" not in ran.stderr + ran.stdout


def test_the_version_is_the_packages() -> None:
    assert re.fullmatch(r"webot \d+\.\d+\.\d+ \(Python 3\.\d+\.\d+\)\n", webot("version").out)
    assert webot("version").out == webot("--version").out


def test_check_prints_every_setting_as_a_settings_file_would(tmp_path: Path) -> None:
    printed = webot("check", folder=tmp_path)
    (tmp_path / "settings.local.toml").write_text(printed.out, encoding="utf-8")
    again = webot("check", folder=tmp_path)

    assert (0, "") == (printed.code, printed.err)
    assert 'level = "INFO"' in printed.out
    assert {f"[{name}]" for name, value in Settings() if not isinstance(value, dict)} <= set(printed.out.split("\n"))
    assert printed.out == re.sub(r"  # settings\.local\.toml$", "", again.out, flags=re.MULTILINE)


def test_check_masks_secrets_and_names_the_layers(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[chat]\nturns = 10\nidle_minutes = 5\n", encoding="utf-8")
    (tmp_path / ".secrets.toml").write_text('[models.default]\napi_key = "letmein"\n', encoding="utf-8")
    ran = webot(
        "check",
        folder=tmp_path,
        WEBOT_CHANNELS__WECOM__CORP_ID="ww1",
        WEBOT_CHANNELS__WECOM__AGENT_ID="7",
        WEBOT_CHANNELS__WECOM__SECRET="opensesame",
        WEBOT_CHANNELS__WECOM__TOKEN="opensesame",
        WEBOT_CHANNELS__WECOM__ENCODING_AES_KEY="jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
        WEBOT_STORAGE__DATABASE_URL="postgresql+asyncpg://me:xyzzy@db/webot",
        WEBOT_MODELS__DEFAULT__DEFAULT_HEADERS='{ Authorization = "Bearer xyzzy" }',
        WEBOT_MODELS__DEFAULT__BASE_URL="https://me:xyzzy@api.example.com/v1",
    )
    lines = ran.out.split("\n")

    assert not {"letmein", "opensesame", "xyzzy", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"} & set(
        re.findall(r"\w+", ran.out + ran.err)
    )
    assert 'api_key = "********"  # .secrets.toml' in lines
    assert 'token = "********"  # WEBOT_CHANNELS__WECOM__TOKEN' in lines
    assert 'corp_id = "ww1"  # WEBOT_CHANNELS__WECOM__CORP_ID' in lines
    assert 'database_url = "********"  # WEBOT_STORAGE__DATABASE_URL' in lines
    assert 'base_url = "https://me:********@api.example.com/v1"  # WEBOT_MODELS__DEFAULT__BASE_URL' in lines
    assert 'proxy = ""' in lines
    assert "turns = 10" in lines
    assert "idle_minutes = 5  # settings.toml" in lines


def test_check_hints_at_what_looks_like_a_mistake(tmp_path: Path) -> None:
    ran = webot("check", folder=tmp_path, WEBOT_CHAT_TURNS="5", WEBOT_CHAT__LANGUAGE="en")

    assert (0, "A mistake? WEBOT_CHAT_TURNS is not a setting; WEBOT_CHAT__TURNS is\n") == (ran.code, ran.err)


def test_check_refuses_settings_that_do_not_hold(tmp_path: Path) -> None:
    ran = webot("check", folder=tmp_path, WEBOT_CHAT__TURNS="ten")

    assert (1, "") == (ran.code, ran.out)
    assert '这些设置不能用：\n  WEBOT_CHAT__TURNS: [chat] turns: 现在是 "ten"，应为整数（0 到 1000）\n' == ran.err


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("[channels.hr]", "[channels.hr] path: '/gpt' is also [channels.wecom]'s"),
        ('[channels.wecom]\nchain = "nosuch"', "[channels.wecom].chain: found 'nosuch', there are "),
        ('[storage]\ndatabase_url = "mysql://db"', "[storage] database_url: found 'mysql'; expected sqlite"),
        ('[network]\nproxy = "socks5://p:1"', "[network] proxy: expected an address that starts with http"),
        ('[menu]\nbuttons = [{ name = "空" }]', "[menu] button '空': expected one of key, url and buttons"),
        (
            '[models.default]\nmodel = "m"\nbase_url = "http://127.0.0.1:1"\ntemperature = "hot"',
            "[models.default].temperature: found",
        ),
    ],
    ids=["two channels on one path", "no such chain", "no such database", "no such proxy", "menu", "a model's option"],
)
def test_check_refuses_what_only_the_whole_shows(tmp_path: Path, setting: str, expected: str) -> None:
    (tmp_path / "settings.local.toml").write_text(f"{setting}\n", encoding="utf-8")
    ran = webot("check", folder=tmp_path, WEBOT_CHAT__LANGUAGE="en")

    assert 1 == ran.code
    assert f"These settings cannot be used:\n  settings.local.toml: {expected}" in ran.err
    assert [tmp_path / "settings.local.toml"] == list(tmp_path.iterdir())


def test_the_settings_folder_is_chosen_by_option_then_by_variable(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text("chat.turns = 77", encoding="utf-8")

    assert "turns = 77" in webot("--settings", str(tmp_path), "check", WEBOT_SETTINGS_DIR="/").out
    assert "turns = 77" in webot("check", WEBOT_SETTINGS_DIR=str(tmp_path)).out


def test_a_settings_folder_that_is_not_there_is_refused() -> None:
    ran = webot("--settings", "/nowhere", "check")

    assert 2 == ran.code
    assert "/nowhere 不存在" in ran.err


def test_in_a_terminal_check_prints_the_same_with_colours(tmp_path: Path) -> None:
    plain = webot("check", folder=tmp_path).out
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "web.cli", "check"],
        cwd=tmp_path,
        env=environ_for() | {"TERM": "xterm-256color"},
        stdout=theirs,
    ) as running:
        os.close(theirs)
        seen = _read_to_the_end(ours)

    assert 0 == running.returncode
    assert "\x1b[1m[server]" in seen
    assert plain == re.sub(r"\x1b\[[0-9;]*m", "", seen).replace("\r\n", "\n")


def _read_to_the_end(terminal: int) -> str:
    seen = b""
    try:
        while piece := os.read(terminal, 65536):
            seen += piece
    except OSError:  # how Linux says that the other side has closed
        pass
    finally:
        os.close(terminal)
    return seen.decode()
