"""What proves access to a running service: the token's file, the password it makes, and guesses at it."""

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import pytest
import structlog

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from tests.web.credentials import cheap_hash
from tests.web.security.test_guard import basic
from tests.web.shell import free_port, start, webot
from web.http.server import serving
from web.listeners import bind
from web.operator.turns import NotRetried, retry_turns
from web.security.access import TokenUnreadable, make_password, open_access, password_path, read_token, token_path
from web.security.passwords import password_fits
from web.settings.addresses import addresses_of
from web.settings.loading import load
from web.terminal.client import NotAnswered, reached

PASSWORD = "correct horse battery"
HASH = cheap_hash(PASSWORD)


def settings(folder: Path) -> Settings:
    return Settings.model_validate({"storage": {"data_dir": str(folder / "data")}})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_is_made_once_and_is_for_its_user_alone(tmp_path: Path) -> None:
    here = settings(tmp_path)
    before = os.umask(0)
    try:
        first = open_access(here)
    finally:
        os.umask(before)

    assert len(first.token) >= 43
    assert first == open_access(here)
    assert first.token == read_token(here)
    assert 0o600 == mode(token_path(here))
    assert [token_path(here)] == list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("spoilt", [0o640, 0o604, 0o602])
def test_a_token_that_others_could_read_or_write_is_replaced(tmp_path: Path, spoilt: int) -> None:
    here = settings(tmp_path)
    first = open_access(here)
    token_path(here).chmod(spoilt)
    second = open_access(here)

    assert first.token != second.token
    assert 0o600 == mode(token_path(here))


@pytest.mark.parametrize("held", ["", "\n", "short"])
def test_a_file_that_holds_no_token_gets_one(tmp_path: Path, held: str) -> None:
    here = settings(tmp_path)
    token_path(here).parent.mkdir()
    token_path(here).write_text(held)
    token_path(here).chmod(0o600)

    assert len(open_access(here).token) >= 43


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")

    with pytest.raises(SettingsInvalid, match=r"\[storage\] data_dir: .*name a folder this user may write to"):
        open_access(settings(tmp_path))


@contextmanager
def another_user(path: Path) -> Iterator[None]:
    """Be somebody who may not read a file: another user, where there is the right to become one."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        path.chmod(0)
        yield


def test_another_user_is_told_what_keeps_the_token_from_being_read(tmp_path: Path) -> None:
    here = settings(tmp_path)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    with pytest.raises(TokenUnreadable, match="no such file; the service writes it when it starts"):
        read_token(here)
    open_access(here)

    with (
        another_user(token_path(here)),
        pytest.raises(TokenUnreadable, match="may not read it; run the command as the service"),
    ):
        read_token(here)


async def test_a_verb_that_has_no_token_says_so(tmp_path: Path) -> None:
    environ = where(tmp_path) | {"WEBOT_SERVER__PORT": str(free_port()), "WEBOT_CONSOLE__PASSWORD_HASH": HASH}
    elsewhere = {"WEBOT_STORAGE__DATA_DIR": f"{tmp_path}/elsewhere/data"}
    here, lost = await asyncio.to_thread(lambda: (load(tmp_path, environ), load(tmp_path, environ | elsewhere)))
    async with served(tmp_path, environ, []):
        done = await retry_turns(here, None)
        async with reached(here) as (client, own):
            state = (await client.status())["ready"]
        with pytest.raises(NotRetried, match="elsewhere/data/access-token: there is no such file"):
            await retry_turns(lost, None)
        with pytest.raises(
            NotAnswered,
            match=r"asks for the console's password, and its token cannot be read: .*access-token: there is no such",
        ):
            async with reached(lost):
                pass
        # Another service's.
        await asyncio.to_thread(open_access, lost.settings)
        with pytest.raises(NotRetried, match=r"does not know the token in .*elsewhere/data/access-token"):
            await retry_turns(lost, None)
        with pytest.raises(NotAnswered, match=r"elsewhere/data/access-token is not its own"):
            async with reached(lost):
                pass

    assert ((), False, True) == (tuple(done), own, state)


def test_a_password_that_is_made_fits_its_hash_and_stays(tmp_path: Path) -> None:
    here = settings(tmp_path)
    passwords: list[str] = []
    access = make_password(here, open_access(here), passwords.append)
    (password,) = passwords

    assert password_fits(password, access.password_hash)
    assert len(password) >= 20
    assert access == open_access(here)
    assert 0o600 == mode(password_path(here))
    assert password not in password_path(here).read_text()


def test_a_password_that_could_not_be_told_is_not_kept(tmp_path: Path) -> None:
    here = settings(tmp_path)
    before = open_access(here)

    def break_off(_password: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_password(here, before, break_off)

    assert before == open_access(here)
    assert not password_path(here).exists()


async def test_the_page_that_asks_for_the_password_has_its_looks(tmp_path: Path) -> None:
    async with guarded(tmp_path) as http:
        page = await http.get("/console", headers={"Accept": "text/html"}, follow_redirects=True)
        looks = [await http.get(path) for path in re.findall(r'(?:href|src)="(/console/static/[^"]+)"', page.text)]
        strange = await http.get("/console/static/style.css", headers={"Host": "rebind.example"})

    assert (200, "/console/sign-in") == (page.status_code, page.url.path)
    assert len(looks) > 1
    assert {200} == {answer.status_code for answer in looks}
    assert 403 == strange.status_code


async def test_the_password_is_told_at_the_first_start_and_never_again(tmp_path: Path) -> None:
    environ = where(tmp_path) | {"WEBOT_CONSOLE__HOST": "127.0.0.1", "WEBOT_CONSOLE__GENERATE_PASSWORD": "true"}
    passwords: list[str] = []
    for _ in range(2):
        async with served(tmp_path, environ, passwords) as http:
            without = await http.get("/console")
            with_it = await http.get("/console", headers={"Authorization": basic(passwords[0])})

    assert [401, 200] == [without.status_code, with_it.status_code]
    assert 1 == len(passwords)


async def test_a_service_prints_the_password_it_has_made_before_it_says_that_it_is_ready(tmp_path: Path) -> None:
    environ = {"WEBOT_SERVER__PORT": "0", "WEBOT_CONSOLE__GENERATE_PASSWORD": "true"}
    running = await start("serve", folder=tmp_path, environ=environ)
    assert running.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(60):
            while not (lines and lines[-1].startswith("webot 已就绪：")):
                lines.append((await running.stdout.readline()).decode().strip())
    finally:
        running.terminate()
        await running.communicate()
    (line,) = [line for line in lines if "只显示这一次" in line]

    assert password_fits(line.rpartition("：")[2], password_path(settings(tmp_path)).read_text().strip())


async def test_a_wrong_password_is_soon_not_even_looked_at_and_the_right_one_is_known(tmp_path: Path) -> None:
    async with guarded(tmp_path) as http:

        async def ask(password: str, **heads: str) -> httpx2.Response:
            return await http.get("/console/api/status", headers={"Authorization": basic(password), **heads})

        with structlog.testing.capture_logs() as logs:
            known = await ask(PASSWORD)
            wrong = [await ask(f"guess {n}", **{"X-Forwarded-For": "a_" * 4000}) for n in range(6)]
        paused = wrong[-1]
        still = await ask(PASSWORD)
        flood = await asyncio.gather(*(ask(f"guess {n}") for n in range(20)), *(ask(PASSWORD) for _ in range(5)))
    lines = [line for line in logs if line["event"] == "console_password_wrong"]

    assert [200, 200] == [known.status_code, still.status_code]
    assert [401, 401, 401, 429, 429, 429] == [answer.status_code for answer in wrong]
    assert 1 <= int(paused.headers["retry-after"]) <= 60
    assert [429] * 20 + [200] * 5 == [answer.status_code for answer in flood]
    assert [("127.0.0.1", 64)] * 3 == [(line["peer"], len(line["claimed"])) for line in lines]


async def test_of_many_guesses_at_once_only_a_few_wait(tmp_path: Path) -> None:
    async with guarded(tmp_path) as http:

        async def ask(password: str) -> int:
            answer = await http.get("/console/api/status", headers={"Authorization": basic(password)})
            return answer.status_code

        # A page asks for several things at once: the same password is tried once for all of them.
        together = await asyncio.gather(*(ask(PASSWORD) for _ in range(12)))
        guesses = await asyncio.gather(*(ask(f"guess {n}") for n in range(30)))

    assert {200} == set(together)
    assert {401, 429} == set(guesses)
    assert guesses.count(401) <= 4


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve a console with a password that answers other machines too."""
    environ = {"WEBOT_CONSOLE__PASSWORD_HASH": HASH, "WEBOT_CONSOLE__REMOTE": "true"}
    async with served(folder, where(folder) | environ, []) as http:
        yield http


@asynccontextmanager
async def served(folder: Path, environ: dict[str, str], passwords: list[str]) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve, note the passwords that are told, and give a client for the console."""
    loaded = await asyncio.to_thread(load, folder, environ)
    listeners = bind(addresses_of(loaded))
    async with (
        serving(loaded, listeners, tell_password=passwords.append),
        httpx2.AsyncClient(base_url=listeners.console_url, trust_env=False, timeout=60) as http,
    ):
        yield http


def where(folder: Path) -> dict[str, str]:
    """Give the settings that keep a service in a folder and on free ports."""
    return {
        "WEBOT_SERVER__PORT": "0",
        "WEBOT_CONSOLE__PORT": "0",
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{folder}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": f"{folder}/data",
    }


@pytest.mark.parametrize("password", ["", "short", "eleven char"])
async def test_the_shell_hashes_no_password_that_is_guessed(tmp_path: Path, password: str) -> None:
    ran = await webot("console-password", "--password", password, folder=tmp_path)

    assert 2 == ran.code
    assert "少于 12 个字符" in ran.err
