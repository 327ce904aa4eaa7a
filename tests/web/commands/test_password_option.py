"""A password for a verb is typed on a terminal, or comes from a pipe, whatever terminal the session has."""

import fcntl
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.web.shell import MAIN, environ_for, webot_here

PASSWORD = "correct horse battery"
VERBS = (
    ["console", "user", "add", "zhangsan"],
    ["console", "user", "password", "zhangsan"],
    ["console-password"],
)


def _with_terminal(slave: int) -> Callable[[], None]:
    def take() -> None:
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    return take


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("ending", ["", "\n", "\r\n", f"\n{PASSWORD}\n"], ids=repr)
def test_a_password_is_read_from_a_pipe(verb: list[str], ending: str, tmp_path: Path) -> None:
    if "password" in verb:
        webot_here("console", "user", "add", "zhangsan", folder=tmp_path, typed=f"{PASSWORD[::-1]}\n")
    ran = webot_here(*verb, folder=tmp_path, typed=PASSWORD + ending)

    assert (0, "") == (ran.code, ran.err)
    assert PASSWORD not in ran.out


def test_a_pipe_is_read_where_the_session_has_a_terminal_that_nobody_types_on(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        ran = subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "-c", MAIN, "console-password"],
            cwd=tmp_path,
            env=environ_for(None),
            input=PASSWORD.encode() + b"\n",
            capture_output=True,
            start_new_session=True,
            preexec_fn=_with_terminal(slave),
            pass_fds=(slave,),
            timeout=120,
            check=False,
        )
    finally:
        os.close(slave)
        os.close(master)

    assert (0, b"") == (ran.returncode, ran.stderr)
    assert ran.stdout.startswith(b'[console]\npassword_hash = "scrypt$')


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("piped", ["", "\n"], ids=repr)
def test_that_no_password_came_is_said(verb: list[str], piped: str, tmp_path: Path) -> None:
    ran = webot_here(*verb, folder=tmp_path, typed=piped)

    assert 2 == ran.code
    assert "没有给出密码" in ran.err


def test_a_short_one_is_refused_from_a_pipe_too(tmp_path: Path) -> None:
    ran = webot_here("console", "user", "add", "zhangsan", folder=tmp_path, typed="short\n")

    assert 0 != ran.code
    assert "12" in ran.err
