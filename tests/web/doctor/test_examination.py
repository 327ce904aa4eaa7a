"""`webot doctor` against a WeCom, a model and a service of our own, well and ill."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from adapters.simulator.faults import ApiFault, Drop, Errcode, Hang, HttpStatus, NotJson
from adapters.simulator.platform.apps import invent_app
from adapters.simulator.platform.directory import Member
from adapters.simulator.simulator import WeComSimulator
from pipeline.findings import Finding
from tests.fakes.openai_server import Act, Breaks, Fails, Hangs, OpenAIServer, Raw, Says
from tests.service import until
from tests.web.credentials import credentials
from tests.web.shell import free_port, webot
from web.doctor.environment import examine_settings
from web.doctor.examination import examine, findings_for
from web.http.server import serving
from web.listeners import bind
from web.settings.addresses import addresses_of
from web.settings.loading import load
from web.wiring import Service

Findings = Mapping[tuple[str, str], Finding]

MARKS = {"well": "✓", "ill": "✗", "doubtful": "!", "unchecked": "–"}


@pytest.fixture
async def wecom() -> AsyncIterator[WeComSimulator]:
    async with WeComSimulator([invent_app(name="助手")], members=[Member("zhangsan")]) as running:
        yield running


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def environ(wecom: WeComSimulator, tmp_path: Path) -> dict[str, str]:
    return {
        "WEBOT_SERVER__PORT": str(free_port()),
        "WEBOT_CONSOLE__PORT": str(free_port()),
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": str(tmp_path / "data"),
        **credentials(wecom.app(), wecom.url),
    }


async def examined(folder: Path, environ: Mapping[str, str], *, seconds: float = 5.0) -> Findings:
    """Give what the doctor finds, by channel or model and check."""
    loaded = await asyncio.to_thread(load, folder, environ)
    return {(finding.about, finding.check): finding async for finding in examine(loaded, seconds=seconds)}


@asynccontextmanager
async def service(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Service]:
    """Run the service of some settings."""
    loaded = await asyncio.to_thread(load, folder, environ)
    async with serving(loaded, bind(addresses_of(loaded))) as running:
        yield running


def states(findings: Findings) -> dict[str, str]:
    return {check: MARKS[finding.state] for (_, check), finding in findings.items()}


def asked_of(model: OpenAIServer, **more: str) -> dict[str, str]:
    return {
        "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
        "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
        "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
        **more,
    }


def test_a_fresh_clone_is_all_green(tmp_path: Path) -> None:
    ran = asyncio.run(webot("doctor", folder=tmp_path, environ={"WEBOT_SERVER__PORT": str(free_port())}))
    marks = {line[0] for line in ran.out.splitlines()[:-1]}

    assert (0, "") == (ran.code, ran.err)
    assert {"✓", "–"} == marks
    assert "内置模拟器代替" in ran.out
    assert "没有发现问题。" == ran.out.splitlines()[-1]
    assert [] == list(tmp_path.iterdir())


def test_a_folder_without_settings_and_what_is_only_an_example_are_pointed_out(tmp_path: Path) -> None:
    loaded = load(tmp_path, {})
    (tmp_path / ".secrets.toml").write_text(
        '[models.default]\nmodel = "deepseek-chat"\nbase_url = "https://api.deepseek.com/v1"\napi_key = "sk-..."\n'
    )
    (tmp_path / ".secrets.toml").chmod(0o600)
    copied = load(tmp_path, {})

    (none,) = examine_settings(loaded, findings_for(loaded))
    _, example = examine_settings(copied, findings_for(copied))
    assert ("doubtful", True) == (none.state, str(tmp_path) in none.says)
    assert ("ill", "[models.default] api_key 还是示例里的占位内容") == (example.state, example.says)
    assert "sk-" not in example.says


async def test_a_whole_set_up_is_all_green_with_the_service_running(
    tmp_path: Path, environ: dict[str, str], wecom: WeComSimulator, model: OpenAIServer
) -> None:
    model.script(Says("2", model="test-model-2026"))
    url = f"http://127.0.0.1:{environ['WEBOT_SERVER__PORT']}"
    environ |= asked_of(model, WEBOT_SERVER__PUBLIC_URL=url)
    wecom.register(invent_app(callback_url=f"{url}/gpt"))
    environ |= credentials(wecom.app(), wecom.url)
    await webot("menu", "push", folder=tmp_path, environ=environ)
    async with service(tmp_path, environ):
        await wecom.phone("zhangsan").say("@help")
        await wecom.phone("zhangsan").messages(count=1)
        found = await examined(tmp_path, environ)

    assert dict.fromkeys(states(found), "✓") | {"clock": "–", "model": "–"} == states(found)
    assert "test-model-2026" in found["default", "model"].says
    assert found["wecom", "public"].says.startswith(f"{url}/gpt")


async def test_a_service_whose_settings_wait_for_a_restart_is_pointed_out(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    file = tmp_path / "settings.local.toml"
    async with service(tmp_path, environ) as running:
        await asyncio.to_thread(file.write_text, "[log]\nrotation_count = 3\n", encoding="utf-8")
        await until(lambda: running.edit.waiting)
        found = (await examined(tmp_path, environ))["", "service"]

    assert "doubtful" == found.state
    assert "设置有改动要重启才生效" in found.says


@pytest.mark.parametrize(
    ("fault", "route", "check", "fix"),
    [
        pytest.param(Errcode(60020, "203.0.113.7"), "agent/get", "app", "（203.0.113.7）", id="address not trusted"),
        pytest.param(Errcode(40001), "gettoken", "token", "secret 不对", id="wrong secret or disabled app"),
        pytest.param(Errcode(40013), "gettoken", "token", "corp_id 不对", id="wrong corp id"),
        pytest.param(Errcode(40056), "agent/get", "app", "agent_id 不对", id="wrong agent id"),
        pytest.param(Errcode(301002), "agent/get", "app", "不是同一个应用", id="secret of another app"),
        pytest.param(Errcode(48002), "agent/get", "app", "没有权限", id="secret of another kind"),
        pytest.param(Errcode(50003), "agent/get", "app", "停用", id="disabled app"),
        pytest.param(Errcode(99999), "menu/get", "menu", "devtool/query?e=99999", id="a code nobody knows"),
        pytest.param(HttpStatus(502), "gettoken", "network", "api_base", id="a gateway's error"),
        pytest.param(NotJson(), "gettoken", "network", "api_base", id="a gateway's page"),
        pytest.param(Hang(), "agent/get", "app", "等不到回应", id="no answer"),
        pytest.param(Drop(), "gettoken", "network", "[network] proxy", id="a connection that ends"),
    ],
)
async def test_what_wecom_refuses_comes_with_the_way_out(
    tmp_path: Path, environ: dict[str, str], wecom: WeComSimulator, fault: ApiFault, route: str, check: str, fix: str
) -> None:
    wecom.add_fault(fault, route=route)
    found = await examined(tmp_path, environ, seconds=1.0)
    ill = [name for (about, name), finding in found.items() if about == "wecom" and finding.state == "ill"]

    assert [check] == ill
    assert fix in found["wecom", check].fix
    assert "Error" not in found["wecom", check].says


async def test_what_lies_behind_a_failure_is_not_tried(
    tmp_path: Path, environ: dict[str, str], wecom: WeComSimulator
) -> None:
    wecom.add_fault(Errcode(40013), route="gettoken")
    found = await examined(tmp_path, environ)

    assert ("✗", "–", "–") == tuple(states(found)[check] for check in ("token", "app", "menu"))
    assert 0 == wecom.counts.calls["agent/get"]


async def test_a_wecom_that_is_not_there_is_told_by_its_cause(tmp_path: Path, environ: dict[str, str]) -> None:
    port = free_port()
    refused = await examined(
        tmp_path, environ | {"WEBOT_CHANNELS__WECOM__API_BASE": f"http://127.0.0.1:{port}"}, seconds=2.0
    )
    nameless = await examined(
        tmp_path, environ | {"WEBOT_CHANNELS__WECOM__API_BASE": "http://qyapi.invalid"}, seconds=2.0
    )
    proxied = await examined(
        tmp_path,
        environ
        | {
            "WEBOT_CHANNELS__WECOM__API_BASE": "http://qyapi.invalid",
            "WEBOT_NETWORK__PROXY": f"http://me:opensesame@127.0.0.1:{port}",
        },
        seconds=2.0,
    )

    assert "拒绝连接" in refused["wecom", "network"].fix
    assert "DNS" in nameless["wecom", "network"].fix
    assert "可能是代理本身" in proxied["wecom", "network"].fix
    assert "opensesame" not in str(proxied)


async def test_a_clock_that_is_off_is_seen_by_wecoms_own(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    environ["WEBOT_CHANNELS__WECOM__API_BASE"] = model.base_url.removesuffix("/v1")
    outcomes = []
    for date in (formatdate(usegmt=True), "Thu, 01 Jan 2026 00:00:00 GMT"):
        # What looks who is there, and what asks for a token.
        model.script(*[Fails(200, message="errcode", headers={"date": date})] * 2)
        outcomes.append((await examined(tmp_path, environ))["wecom", "clock"])
    right, wrong = outcomes

    assert "well" == right.state
    assert "ill" == wrong.state
    assert "NTP" in wrong.fix


async def test_a_menu_that_is_missing_or_another_is_worth_a_look(tmp_path: Path, environ: dict[str, str]) -> None:
    missing = (await examined(tmp_path, environ))["wecom", "menu"]
    await webot("menu", "push", folder=tmp_path, environ=environ)
    same = (await examined(tmp_path, environ))["wecom", "menu"]
    changed = environ | {"WEBOT_MENU__BUTTONS": '[{ name = "帮助", key = "@help" }]'}
    other = (await examined(tmp_path, changed))["wecom", "menu"]
    too_long = environ | {"WEBOT_MENU__BUTTONS": '[{ name = "六个汉字太长", key = "@help" }]'}
    invalid = (await examined(tmp_path, too_long))["wecom", "menu"]

    assert ["doubtful", "well", "doubtful", "ill"] == [one.state for one in (missing, same, other, invalid)]
    assert "webot menu push" in missing.fix
    assert "18 字节" in invalid.says


@pytest.mark.parametrize(
    ("act", "fix"),
    [
        pytest.param(Raw(b"", status=404), "/gpt 原样转给 webot", id="another path"),
        pytest.param(Raw(b"", status=403), "别的 Token", id="another service's keys"),
        pytest.param(Raw(b"", status=302), "不跟随跳转", id="a redirect"),
        pytest.param(Raw(b"", status=502), "webot serve", id="a proxy without webot"),
        pytest.param(Raw(b"", status=401), "登录页", id="a login page"),
        pytest.param(Raw(b'"echo"'), "改写了回应", id="a changed body"),
        pytest.param(Breaks(), "防火墙", id="a connection that ends"),
        pytest.param(Hangs(), "等不到回应", id="no answer"),
    ],
)
async def test_what_keeps_wecom_from_our_url_comes_with_the_way_out(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer, act: Act, fix: str
) -> None:
    model.script(act)
    environ["WEBOT_SERVER__PUBLIC_URL"] = model.base_url.removesuffix("/v1")
    found = await examined(tmp_path, environ, seconds=1.0)

    assert "ill" == found["wecom", "public"].state
    assert fix in found["wecom", "public"].fix


@pytest.mark.parametrize(
    ("act", "fix"),
    [
        pytest.param(Fails(401, message="wrong key sk-test-0123456789"), "重新复制 api_key", id="wrong key"),
        pytest.param(Fails(402), "充值", id="used up"),
        pytest.param(Fails(404), "不带 /chat/completions", id="no such model"),
        pytest.param(Fails(429), "太忙", id="too busy"),
        pytest.param(Fails(500), "故障", id="broken"),
        pytest.param(Fails(400), "不接受", id="refused"),
        pytest.param(Raw(b"<html>", content_type="text/html"), "OpenAI 协议", id="a web page"),
        pytest.param(Hangs(), "太久没有回应", id="no answer"),
        pytest.param(Breaks(), "连不上", id="a connection that ends"),
    ],
)
async def test_a_model_that_fails_comes_with_the_way_out(
    tmp_path: Path, model: OpenAIServer, act: Act, fix: str
) -> None:
    model.script(act)
    found = await examined(tmp_path, asked_of(model, WEBOT_SERVER__PORT="0"), seconds=1.0)

    assert "ill" == found["default", "model"].state
    assert fix in found["default", "model"].fix
    assert "sk-test" not in str(found)
    assert 1 == len(model.asked)


GONE = [
    pytest.param(
        Fails(404, "model_not_found", "The model `test-model` does not exist or you do not have access to it."),
        id="OpenAI",
    ),
    pytest.param(Fails(400, "invalid_request_error", "Model Not Exist"), id="DeepSeek"),
    pytest.param(Fails(400, "1211", "模型不存在，请检查模型代码。"), id="Zhipu"),
    pytest.param(Fails(404, "model_not_found", "The model `m` does not exist or you do not have access"), id="Qwen"),
    pytest.param(Fails(404, None, 'model "test-model" not found, try pulling it first'), id="Ollama"),
    pytest.param(Fails(503, "model_not_found", "当前分组 default 下对于模型 test-model 无可用渠道"), id="one-api"),
    pytest.param(Raw(b'{"error": {"message": "no such model: test-model"}}'), id="inside HTTP 200"),
]


@pytest.mark.parametrize("act", GONE)
async def test_a_model_that_is_gone_at_its_provider_is_told_as_that(
    tmp_path: Path, model: OpenAIServer, act: Act
) -> None:
    model.script(act)
    found = await examined(tmp_path, asked_of(model, WEBOT_SERVER__PORT="0"))

    assert "ill" == found["default", "model"].state
    assert "核对 model 的写法" in found["default", "model"].fix
    assert "模型服务没有这个模型或地址" in found["default", "model"].says
    assert "Error" not in found["default", "model"].says
    assert 1 == len(model.asked)


@pytest.mark.parametrize("streams", [True, False], ids=["streams only", "whole answers only"])
async def test_a_server_that_answers_in_one_way_only_is_well(tmp_path: Path, *, streams: bool) -> None:
    def otherwise(body: Mapping[str, object]) -> Act:
        said = "This model only support stream mode" if streams else "stream is not supported"
        return Says("2") if bool(body.get("stream")) is streams else Fails(400, message=said)

    async with OpenAIServer(otherwise=otherwise) as server:
        found = await examined(tmp_path, asked_of(server, WEBOT_SERVER__PORT="0"))

    assert "well" == found["default", "model"].state


async def test_what_stands_in_for_a_model_does_not_hide_that_it_fails(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Fails(401), Says("2"))
    more = {"WEBOT_MODELS__DEFAULT__FALLBACKS": '["spare"]', "WEBOT_SERVER__PORT": "0"}
    spare = {
        name.replace("DEFAULT", "SPARE"): value for name, value in asked_of(model).items() if name.startswith("WEBOT_M")
    }
    found = await examined(tmp_path, asked_of(model) | spare | more)

    assert ["ill", "well"] == [found[name, "model"].state for name in ("default", "spare")]


@pytest.mark.usefixtures("no_schema")
async def test_a_database_that_is_away_or_behind_is_seen(
    tmp_path: Path, environ: dict[str, str], postgres_url: str
) -> None:
    behind = await examined(tmp_path, environ | {"WEBOT_STORAGE__DATABASE_URL": postgres_url})
    away = await examined(
        tmp_path, environ | {"WEBOT_STORAGE__DATABASE_URL": "postgresql://me:opensesame@127.0.0.1:9/x"}
    )
    (tmp_path / "webot.db").write_bytes(b"no database at all" * 100)
    broken = await examined(tmp_path, environ)

    assert ["doubtful", "ill", "ill"] == [one["", "database"].state for one in (behind, away, broken)]
    assert "webot migrate" in behind["", "database"].fix
    assert "opensesame" not in str(away)


async def test_what_keeps_the_service_from_starting_is_seen_before_it_starts(
    tmp_path: Path, environ: dict[str, str], wecom: WeComSimulator
) -> None:
    clash = environ | credentials(invent_app(agent_id=1000009), wecom.url, channel="hr", path="/gpt")
    paths = await examined(tmp_path, clash)
    chains = await examined(tmp_path, environ | {"WEBOT_CHANNELS__WECOM__CHAIN": "nosuch"})

    assert "ill" == paths["", "start"].state
    assert "[channels.hr] path: '/gpt' 已经是 [channels.wecom] 的路径" in paths["", "start"].says
    assert "ill" == chains["", "start"].state
    assert "nosuch" in chains["", "start"].says


async def test_a_port_that_something_else_uses_is_seen(tmp_path: Path, environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = environ | {"WEBOT_SERVER__PORT": str(other.getsockname()[1])}
        found = await examined(tmp_path, taken, seconds=0.5)

    assert "ill" == found["", "service"].state
    assert "[server] host、port" in found["", "service"].fix


async def test_a_folder_that_cannot_be_used_is_seen(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    environ["WEBOT_STORAGE__DATA_DIR"] = str(tmp_path / "file" / "data")
    loaded = await asyncio.to_thread(load, tmp_path, environ)
    disks = [finding async for finding in examine(loaded, seconds=1.0) if finding.check == "disk"]

    assert ["ill", "well"] == [disk.state for disk in disks]
    assert "data_dir" in disks[0].fix
