"""Who may use the console."""

import asyncio
import base64
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.service import RunningService, running_service, until
from web.security.passwords import hash_password, password_fits

ROOT = Path(__file__).parents[3]
WEBOT = "import sys; from web.cli import main; sys.exit(main())"
SAY = {"kind": "text", "text": "你好"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


STRANGERS = {
    "a name bound to this machine by a stranger": {"Host": "webot.example.com"},
    "a name that begins as ours": {"Host": "127.0.0.1.example.com"},
    "our name with a full stop": {"Host": "localhost."},
    "our address in one number": {"Host": "2130706433"},
    "our address in two parts": {"Host": "127.1"},
    "our address in hexadecimal": {"Host": "0x7f.0.0.1"},
    "somebody behind a proxy": {"X-Forwarded-For": "203.0.113.7"},
    "a proxy that names its host": {"X-Forwarded-Host": "webot.example.com"},
    "somebody behind a newer proxy": {"Forwarded": "for=203.0.113.7"},
    "somebody behind Cloudflare": {"CF-Connecting-IP": "203.0.113.7"},
    "somebody behind Akamai": {"True-Client-IP": "203.0.113.7"},
    "somebody behind a CDN of Alibaba": {"Ali-CDN-Real-IP": "203.0.113.7"},
    "somebody behind an ingress": {"X-Original-Forwarded-For": "203.0.113.7"},
    "somebody behind a proxy that writes no dashes": {"X_FORWARDED_FOR": "203.0.113.7"},
    "a CDN that names itself alone": {"CDN-Loop": "cloudflare"},
    "somebody behind nginx": {"X-Real-IP": "203.0.113.7"},
    "a proxy that names itself": {"Via": "1.1 proxy"},
}


@pytest.mark.parametrize("path", ["/console", "/console/status", "/console/api/status", "/console/static/chat.js"])
async def test_only_this_machine_may_look(service: RunningService, path: str) -> None:
    answers = {who: (await service.http.get(path, headers=headers)).status_code for who, headers in STRANGERS.items()}

    assert dict.fromkeys(STRANGERS, 403) == answers


async def test_this_machine_has_several_names(service: RunningService) -> None:
    hosts = ["127.0.0.1", "localhost", "127.0.0.1:8080", "[::1]:50008", "LOCALHOST:1"]
    answers = {host: (await service.http.get("/console", headers={"Host": host})).status_code for host in hosts}

    assert dict.fromkeys(hosts, 200) == answers


SPEAKERS = {
    "a program": ({}, 200),
    "our own page": ({"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}, 200),
    "another port's page": ({"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, 403),
    "a stranger's page": ({"Origin": "http://evil.example"}, 403),
    "a page that begins as ours": ({"Origin": "http://127.0.0.1:{port}.evil.example"}, 400),
    "a page that names us behind itself": ({"Origin": "http://evil.example#127.0.0.1:{port}"}, 400),
    "our page's other name": ({"Origin": "http://localhost:{port}"}, 403),
    "an extension that is named as we are": ({"Origin": "chrome-extension://127.0.0.1:{port}"}, 403),
    "an app that is named as we are": ({"Origin": "app://127.0.0.1:{port}", "Sec-Fetch-Site": "none"}, 403),
    "a page without an origin": ({"Origin": "null"}, 403),
    "a stranger's form": ({"Sec-Fetch-Site": "cross-site"}, 403),
}


async def test_no_other_page_may_speak_for_anybody(service: RunningService) -> None:
    port = str(service.http.base_url.port)
    came = {}
    for number, (who, (headers, _)) in enumerate(SPEAKERS.items()):
        sent = {name: value.replace("{port}", port) for name, value in headers.items()}
        answer = await service.http.post("/console/do", data=SAY | {"user": f"u{number}"}, headers=sent)
        came[who] = answer.status_code, bool(service.phone(f"u{number}").entries())

    assert {who: (status, status == 200) for who, (_, status) in SPEAKERS.items()} == came


async def test_a_refusal_can_be_read(service: RunningService) -> None:
    page = await service.http.get("/console", headers={"Host": "evil.example", "Accept": "text/html"})
    response = await service.http.get("/console/api/status", headers={"Host": "evil.example", "Accept-Language": "en"})

    assert "只对本机开放" in page.text
    assert "this machine only" in response.json()["detail"]


async def test_every_answer_keeps_the_page_from_harm(service: RunningService) -> None:
    for path in ("/console", "/console/status", "/console/static/chat.js", "/console/media/none"):
        answer = await service.http.get(path)

        assert answer.headers["content-security-policy"].startswith("default-src 'self';"), path
        assert ("DENY", "nosniff") == (answer.headers["x-frame-options"], answer.headers["x-content-type-options"])


async def test_everybody_needs_the_password_where_there_is_one(tmp_path: Path) -> None:
    hashed = await asyncio.to_thread(hash_password, "芝麻开门")
    environ = {
        "WEBOT_CONSOLE__REMOTE": "true",
        "WEBOT_CONSOLE__PASSWORD_HASH": hashed,
        "WEBOT_CONSOLE__HOSTS": '["bot.example.com"]',
    }
    async with running_service(tmp_path, environ) as service:

        async def ask(**headers: str) -> httpx2.Response:
            return await service.http.get("/console", headers={"Host": "bot.example.com", **headers})

        without = await ask()
        tried = [(await ask(Authorization=basic(each))).status_code for each in ("芝麻", "", "芝麻开门", "芝麻开门")]
        garbled = [(await ask(Authorization=each)).status_code for each in ("Basic 5A==", "Basic !!!!", "Bearer x")]
        local = await service.http.get("/console")
        known = await service.http.get("/console", headers={"Authorization": basic("芝麻开门")})

    assert (401, 'Basic realm="webot", charset="UTF-8"') == (without.status_code, without.headers["www-authenticate"])
    assert [401, 401, 200, 200] == tried
    assert [401, 401, 401] == garbled
    assert [401, 200] == [local.status_code, known.status_code]


def test_the_shell_makes_a_password_that_fits() -> None:
    ran = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", WEBOT, "console-password", "--password", "芝麻开门吧芝麻开门吧芝麻开门"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    hashed = tomllib.loads(ran.stdout)["console"]["password_hash"]

    assert password_fits("芝麻开门吧芝麻开门吧芝麻开门", hashed)
    assert not password_fits("芝麻关门", hashed)


@pytest.mark.parametrize(
    "hashed",
    ["", "芝麻", "scrypt$32768$8$1$$", "scrypt$3$8$1$AAAA$AAAA", "scrypt$1073741824$8$1$AAAA$AAAA", "md5$1$1$1$a$b"],
)
def test_no_password_fits_what_is_no_hash(hashed: str) -> None:
    assert not password_fits("", hashed)
    assert not password_fits("芝麻", hashed)


async def test_another_password_holds_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / ".secrets.toml"
    first, second = await asyncio.to_thread(lambda: (hash_password("first one"), hash_password("second one")))
    console = "[console]\nremote = true\npassword_hash = '{hash}'\n"
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    await asyncio.to_thread(file.write_text, console.replace("{hash}", first), encoding="utf-8")
    async with running_service(tmp_path) as service:

        async def status(password: str) -> int:
            headers = elsewhere | {"Authorization": basic(password)}
            return (await service.http.get("/console", headers=headers)).status_code

        assert [200, 401] == [await status("first one"), await status("second one")]
        await asyncio.to_thread(file.write_text, console.replace("{hash}", second), encoding="utf-8")
        await until(lambda: second == service.service.settings.console.password_hash.get_secret_value())

        assert [401, 200] == [await status("first one"), await status("second one")]
