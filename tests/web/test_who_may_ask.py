"""Who is answered at which address: callbacks and health for everybody, all else for the operator."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import httpx2
import pytest

from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from pipeline.errors import SettingsInvalid
from tests.service import RunningService, running_service
from tests.web.credentials import cheap_hash, credentials
from tests.web.raw import RawAnswer, send_raw
from web.listeners import bind
from web.security.access import token_path
from web.settings.addresses import Addresses, addresses_of
from web.settings.loading import load

PASSWORD = "correct horse battery"
HASH = cheap_hash(PASSWORD)

GUARDED = ["GET /console", "GET /console/api/status", "POST /console/api/do", "GET /metrics"]
PROGRAMS = ["POST /operations/turns/retry"]
PUBLIC = ["GET /test", "GET /healthz", "GET /readyz"]

EVERYWHERE = "0.0.0.0"  # noqa: S104 -- written into settings, not bound

NGINX = "127.0.0.1:{port}"
"""What nginx names when it is told no Host, and a TCP forwarder's client may as well."""
FORWARDER = "localhost"
"""What a stranger writes who comes through a TCP forwarder."""


@pytest.fixture
async def wecom() -> AsyncIterator[WeComSimulator]:
    async with WeComSimulator([invent_app()]) as platform:
        yield platform


def real(wecom: WeComSimulator) -> dict[str, str]:
    """Give settings with a real channel, and a simulated one beside it."""
    return credentials(wecom.app(), wecom.url) | {"WEBOT_CHANNELS__HR__PATH": "/hr"}


async def ask(to: httpx2.AsyncClient, request: str, host: str, *heads: str) -> RawAnswer:
    method, path = request.split(" ")
    said = {"user": "boss", "content": {"kind": "text", "text": "spend my money"}}
    asked = {"database": "webot.db", "ids": None}
    body = b"" if method == "GET" else json.dumps(asked if "operations" in path else said).encode()
    kind = ["Content-Type: application/json"] if body else []
    named = host.replace("{port}", str(to.base_url.port))
    return await send_raw(to, f"{method} {path} HTTP/1.1", f"Host: {named}", *kind, *heads, body=body)


@pytest.mark.parametrize("password", ["", HASH], ids=["no password", "a password"])
async def test_the_port_for_wecom_answers_wecom_and_monitors_alone(
    tmp_path: Path, wecom: WeComSimulator, password: str
) -> None:
    remote = {"WEBOT_CONSOLE__REMOTE": "true", "WEBOT_CONSOLE__PASSWORD_HASH": password} if password else {}
    async with running_service(tmp_path, real(wecom) | remote) as service:

        async def statuses(requests: Sequence[str]) -> dict[tuple[str, str], int]:
            hosts = (NGINX, FORWARDER, "bot.example.com")
            return {(each, host): (await ask(service.http, each, host)).status for each in requests for host in hosts}

        inner = await statuses([*GUARDED, *PROGRAMS, "GET /"])
        outer = await statuses(PUBLIC)
        callbacks = await statuses(["GET /gpt", "POST /gpt", "GET /hr"])
        entries = service.phone("boss").entries()

    assert dict.fromkeys(inner, 404) == inner
    assert dict.fromkeys(outer, 200) == outer
    assert dict.fromkeys(callbacks, 400) == callbacks
    assert () == tuple(entries)


@pytest.mark.parametrize(
    ("password", "wanted"),
    [
        pytest.param("", {NGINX: (0, 401), FORWARDER: (0, 401), "bot.example.com": (403, 403)}, id="no password"),
        pytest.param(HASH, {NGINX: (401, 401), FORWARDER: (401, 401), "bot.example.com": (403, 403)}, id="a password"),
    ],
)
@pytest.mark.parametrize("apart", [False, True], ids=["one port", "two ports"])
async def test_the_console_asks_everybody_for_its_password_and_programs_for_their_token(
    tmp_path: Path, wecom: WeComSimulator, password: str, wanted: dict[str, tuple[int, int]], *, apart: bool
) -> None:
    environ = (real(wecom) if apart else {}) | {"WEBOT_CONSOLE__PASSWORD_HASH": password}
    async with running_service(tmp_path, environ) as service:
        found = {
            (request, host): (await ask(service.console, request, host)).status
            for request in (*GUARDED, *PROGRAMS)
            for host in wanted
        }

    # Without a password this machine is let in until a channel is real.
    nobody_needs_one = 401 if apart else 200
    assert {key: wanted[key[1]][key[0] in PROGRAMS] or nobody_needs_one for key in found} == found


async def test_a_program_that_has_read_the_token_is_let_in_and_no_other(tmp_path: Path, wecom: WeComSimulator) -> None:
    async with running_service(tmp_path, real(wecom) | {"WEBOT_CONSOLE__PASSWORD_HASH": HASH}) as service:
        path = token_path(service.service.settings)
        token = path.read_text().strip()
        mode = path.stat().st_mode & 0o777
        bearer = f"Authorization: Bearer {token}"

        async def statuses(*heads: str) -> list[int]:
            asked = ("GET /console/api/status", "GET /metrics", "POST /operations/turns/retry")
            return [(await ask(service.console, request, NGINX, *heads)).status for request in asked]

        with_it = await statuses(bearer)
        wrong = await statuses(bearer[:-1] + ("A" if bearer[-1] != "A" else "B"))
        empty = await statuses("Authorization: Bearer ")
        passed_on = await statuses(bearer, "X-Forwarded-For: 127.0.0.1")
        twice = await statuses(bearer, bearer)

    assert 0o600 == mode
    # The token opened the door; the database it names is another one.
    assert [200, 200, 409] == with_it
    assert [401, 401, 401] == wrong == empty
    assert [403, 403, 403] == passed_on
    assert [400, 400, 400] == twice


@pytest.mark.parametrize("apart", [False, True], ids=["one port", "two ports"])
async def test_metrics_are_answered_on_the_outer_port_only_where_the_settings_say_so(
    tmp_path: Path, wecom: WeComSimulator, *, apart: bool
) -> None:
    environ = (real(wecom) if apart else {}) | {"WEBOT_CONSOLE__PASSWORD_HASH": HASH}
    async with running_service(tmp_path, environ | {"WEBOT_SERVER__METRICS": "true"}) as service:
        outer = await ask(service.http, "GET /metrics", "bot.example.com")
        inner = await ask(service.console, "GET /metrics", NGINX)

    assert 200 == outer.status
    assert (401 if apart else 200) == inner.status


MALFORMED = {
    "a port that hides a name": ["Host: 127.0.0.1:x@evil.example"],
    "a name before ours": ["Host: evil.example@127.0.0.1"],
    "two hosts": ["Host: 127.0.0.1", "Host: evil.example"],
    "one host twice": ["Host: 127.0.0.1", "Host: 127.0.0.1"],
    "two hosts in one": ["Host: 127.0.0.1, evil.example"],
    "an empty host": ["Host: "],
    "an open bracket": ["Host: [::1"],
    "a port beyond all ports": ["Host: 127.0.0.1:999999"],
    "a path": ["Host: 127.0.0.1/"],
    "an origin that opens a bracket": ["Host: 127.0.0.1", "Origin: http://["],
    "an origin that hides a name": ["Host: 127.0.0.1", "Origin: http://127.0.0.1:x@evil"],
    "an origin without a scheme": ["Host: 127.0.0.1", "Origin: 127.0.0.1"],
    "an empty origin": ["Host: 127.0.0.1", "Origin: "],
    "two origins": ["Host: 127.0.0.1", "Origin: http://127.0.0.1", "Origin: http://evil"],
    "two passwords": ["Host: 127.0.0.1", "Authorization: Basic eA==", "Authorization: Basic eQ=="],
}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


async def test_a_request_that_no_browser_makes_is_a_bad_one_everywhere(service: RunningService) -> None:
    asked = [*GUARDED, *PROGRAMS, "GET /console/static/chat.js"]
    found = {
        what: {(await send_raw(service.console, f"{request} HTTP/1.1", *heads)).status for request in asked}
        for what, heads in MALFORMED.items()
    }

    assert {what: {400} for what in MALFORMED} == found


LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
OTHER_PAGES = {
    "a picture's tag in a stranger's page": {"Sec-Fetch-Site": "cross-site"},
    "a page of another port": {"Sec-Fetch-Site": "same-site"},
    "a stranger's script": {"Origin": "http://evil.example"},
    "a page without an origin": {"Origin": "null"},
    "a stranger's link that names somebody": LINK,
}
OUR_PAGES = {"our own page": {"Sec-Fetch-Site": "same-origin"}, "an address that was typed": {"Sec-Fetch-Site": "none"}}


async def test_no_other_page_makes_members_by_asking_for_them(service: RunningService) -> None:
    directory = service.simulator.platform.directory

    async def ask(pages: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
        return {
            what: (await service.console.get(f"/console/api/settled?user=x{n}", headers=dict(heads))).status_code
            for n, (what, heads) in enumerate(pages.items())
        }

    before = len(directory.everybody())
    refused = await ask(OTHER_PAGES)
    between = len(directory.everybody())
    answered = await ask(OUR_PAGES)

    assert dict.fromkeys(OTHER_PAGES, 403) == refused
    assert dict.fromkeys(OUR_PAGES, 200) == answered
    assert (before, before + 2) == (between, len(directory.everybody()))


async def test_a_link_elsewhere_opens_the_console_as_it_stands(service: RunningService) -> None:
    opened = await service.console.get("/console", headers=LINK)
    framed = await service.console.get("/console", headers=LINK | {"Sec-Fetch-Dest": "iframe"})
    posted = await service.console.post("/console/do", headers=LINK, data={"kind": "text", "text": "x"})

    assert [200, 403, 403] == [opened.status_code, framed.status_code, posted.status_code]


NAMES = {
    "bot.example.com": 401,
    "BOT.example.com:8443": 401,
    "webot.lan": 401,
    "127.0.0.1": 401,
    "rebind.evil.example": 403,
    "bot.example.com.evil.example": 403,
    EVERYWHERE: 403,
}


async def test_of_names_only_those_the_settings_know_are_answered_whoever_asks(tmp_path: Path) -> None:
    environ = {
        "WEBOT_CONSOLE__REMOTE": "true",
        "WEBOT_CONSOLE__PASSWORD_HASH": HASH,
        "WEBOT_CONSOLE__HOSTS": '["webot.lan"]',
        "WEBOT_SERVER__PUBLIC_URL": "https://bot.example.com:8443/",
    }
    async with running_service(tmp_path, environ) as service:
        local = {host: (await ask(service.console, "GET /console", host)).status for host in NAMES}
        claim = "X-Forwarded-For: 203.0.113.7"
        passed_on = {host: (await ask(service.console, "GET /console", host, claim)).status for host in NAMES}

    assert NAMES == local == passed_on


async def test_who_asks_for_the_heads_alone_gets_those_of_the_page(service: RunningService) -> None:
    for path in ("/test", "/healthz", "/readyz", "/metrics", "/console", "/console/status"):
        heads = await service.http.head(path)
        page = await service.http.get(path)

        assert (page.status_code, b"") == (heads.status_code, heads.content), path
        assert page.headers["content-type"] == heads.headers["content-type"], path


async def test_the_heads_of_a_stream_are_an_answer_of_their_own_and_the_guard_counts_for_them(
    service: RunningService,
) -> None:
    async with asyncio.timeout(30):
        stream = await service.http.head("/console/api/follow")
        again = await service.http.head("/healthz")
    refused = await service.http.head("/console", headers={"Host": "evil.example"})
    callback = await service.http.head("/gpt")

    assert [200, 200, 403, 405] == [each.status_code for each in (stream, again, refused, callback)]


@pytest.mark.parametrize(
    ("environ", "server", "console"),
    [
        pytest.param({}, ("127.0.0.1", 50008), ("127.0.0.1", 50008), id="nothing set: one port"),
        pytest.param({"SERVER__HOST": "::1"}, ("::1", 50008), ("::1", 50008), id="loopback by its other address"),
        pytest.param({"SERVER__HOST": "localhost"}, ("localhost", 50008), ("localhost", 50008), id="by its name"),
        pytest.param({"SERVER__HOST": EVERYWHERE}, (EVERYWHERE, 50008), ("127.0.0.1", 50009), id="open to others"),
        pytest.param({"CONSOLE__HOST": "127.0.0.1"}, ("127.0.0.1", 50008), ("127.0.0.1", 50009), id="an own address"),
        pytest.param({"CONSOLE__PORT": "8080"}, ("127.0.0.1", 50008), ("127.0.0.1", 50008), id="a port for later"),
        pytest.param({"real": "yes"}, ("127.0.0.1", 50008), ("127.0.0.1", 50009), id="real credentials"),
        pytest.param({"real": "yes", "SERVER__PORT": "0"}, ("127.0.0.1", 0), ("127.0.0.1", 0), id="ports of chance"),
        pytest.param(
            {"real": "yes", "CONSOLE__PORT": "8080"}, ("127.0.0.1", 50008), ("127.0.0.1", 8080), id="and a port"
        ),
    ],
)
def test_where_the_console_listens_follows_from_what_there_is_to_protect(
    tmp_path: Path, environ: dict[str, str], server: tuple[str, int], console: tuple[str, int]
) -> None:
    wanted = {f"WEBOT_{name}": value for name, value in environ.items() if name != "real"}
    if "real" in environ:
        wanted |= credentials(invent_app(), "https://qyapi.weixin.qq.com")
    found = addresses_of(load(tmp_path, wanted))

    assert server == (found.server.host, found.server.port)
    assert console == (found.console.host, found.console.port)
    assert found.are_apart == ("real" in environ or server != console)


@pytest.mark.parametrize("table", ["server", "console"])
def test_a_taken_port_is_refused_by_the_name_of_its_setting_and_the_other_one_is_given_back(
    tmp_path: Path, table: str
) -> None:
    environ = {"WEBOT_CONSOLE__HOST": "127.0.0.1", "WEBOT_CONSOLE__PORT": "0", "WEBOT_SERVER__PORT": "0"}
    held = bind(addresses_of(load(tmp_path, environ)))
    try:
        other = held.server if table == "server" else held.console
        taken = environ | {f"WEBOT_{table.upper()}__PORT": str(other.getsockname()[1])}
        with pytest.raises(SettingsInvalid, match=rf"^\[{table}\] host, port: .*set \[{table}\] port to a free one$"):
            bind(addresses_of(load(tmp_path, taken)))
    finally:
        held.close()

    again = bind(Addresses(*(addresses_of(load(tmp_path, environ)).server,) * 2))
    again.close()


@pytest.mark.parametrize(
    ("console", "found"),
    [
        pytest.param({"REMOTE": "true"}, "remote = true", id="others through a proxy"),
        pytest.param({"HOST": EVERYWHERE}, f"host = {EVERYWHERE!r}", id="every interface"),
        pytest.param({"HOST": "192.168.1.5"}, "host = '192.168.1.5'", id="an address of the network"),
        pytest.param({"HOST": "::"}, "host = '::'", id="every interface, by its other name"),
    ],
)
def test_a_console_for_others_without_a_password_is_refused(
    tmp_path: Path, console: dict[str, str], found: str
) -> None:
    environ = {f"WEBOT_CONSOLE__{name}": value for name, value in console.items()}
    with pytest.raises(SettingsInvalid) as refused:
        load(tmp_path, environ)
    (problem,) = refused.value.problems

    assert f": [console]: found {found} and no password" in problem
    assert "webot console-password" in problem
    for password in ({"PASSWORD_HASH": HASH}, {"GENERATE_PASSWORD": "true"}):
        more = {f"WEBOT_CONSOLE__{name}": value for name, value in password.items()}
        assert load(tmp_path, environ | more).settings.console.answers_others


@pytest.mark.parametrize("name", ["https://webot.lan", "webot.lan:50009", "", "we bot"])
def test_a_further_name_is_a_name_and_nothing_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"\[console\].*without scheme and port"):
        load(tmp_path, {"WEBOT_CONSOLE__HOSTS": json.dumps([name])})


async def test_a_person_who_opens_the_callback_path_reads_a_line_and_whoever_asks_for_more_nothing(
    service: RunningService,
) -> None:
    browser = await service.http.get("/gpt", headers={"Accept": "text/html,*/*", "Accept-Language": "en"})
    curl = await service.http.get("/gpt", headers={"Accept": "*/*"})
    asked = await service.http.get("/gpt?echostr=x", headers={"Accept": "text/html"})

    assert [400] * 3 == [each.status_code for each in (browser, curl, asked)]
    assert "webot 在这里。这是给企业微信调用的回调地址" in browser.text
    assert "webot is here. This is the address WeCom calls" in browser.text
    assert browser.text == curl.text
    assert "" == asked.text


DIGITS = "9" * 5000
NUMBERS = {
    "GET /console/stream?seen=RUN.{n}": b"",
    "GET /console/api/settled?within={n}": b"",
    "GET /console/api/follow?after={n}": b"",
    "POST /console/faults/clear": b"number={n}",
    "POST /console/faults": b"fault=busy&calls={n}",
    "POST /console/do": b"kind=location&latitude={n}&longitude={n}",
    "POST /console/api/faults": b'{"fault":"busy","calls":{n}}',
    "POST /console/api/do": b'{"content":{"kind":"location","latitude":{n},"longitude":1,"label":""}}',
    "POST /console/api/simulate": b'{"plan":{"users":{n}}}',
}


async def test_a_number_of_any_length_is_a_bad_request_at_worst(service: RunningService) -> None:
    page = await service.http.get("/console")
    assert page.is_success
    statuses: dict[str, set[int]] = {}
    for request, body in NUMBERS.items():
        for number in (DIGITS, f"-{DIGITS}", "١٢٣", "1e999", "nan", "0x10", "", "²"):
            method, path = request.replace("{n}", number).split(" ")
            kind = "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded"
            asked = service.http.build_request(
                method,
                path,
                content=body.replace(b"{n}", number.encode()),
                headers={"Content-Type": kind} if body else {},
            )
            # A stream's heads are all that is looked at.
            answer = await service.http.send(asked, stream=True)
            await answer.aclose()
            statuses.setdefault(request, set()).add(answer.status_code)

    assert {} == {request: found for request, found in statuses.items() if not found <= {200, 400}}
