"""What the doctor says of the console: where it is, what outsiders get of it, and who may read the secrets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from pipeline.findings import Finding
from tests.service import RunningService, running_service
from tests.web.credentials import cheap_hash, credentials
from web.doctor.environment import examine_ground
from web.doctor.examination import findings_for
from web.doctor.exposure import examine_console, examine_exposure
from web.security.access import Access
from web.settings.addresses import addresses_of, has_real_channel
from web.settings.loading import load

HASH = cheap_hash("correct horse battery")


@pytest.fixture
async def wecom() -> AsyncIterator[WeComSimulator]:
    async with WeComSimulator([invent_app()]) as platform:
        yield platform


async def exposed(folder: Path, url: str, **console: str) -> list[Finding]:
    """Give what the doctor finds of a public address."""
    environ = {"WEBOT_SERVER__PUBLIC_URL": f"{url}/"} | {f"WEBOT_{name}": value for name, value in console.items()}
    loaded = await asyncio.to_thread(load, folder, environ)
    return [finding async for finding in examine_exposure(loaded.settings, findings_for(loaded), 5.0)]


def url_of(service: RunningService, *, console: bool) -> str:
    return str((service.console if console else service.http).base_url).rstrip("/")


async def test_a_console_that_anybody_gets_from_outside_is_a_fault(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        (found,) = await exposed(tmp_path, url_of(service, console=True))

    assert ("ill", "exposed") == (found.state, found.check)
    assert "/console、/metrics" in found.says
    assert "webot console-password" in found.fix


@pytest.mark.parametrize(("remote", "state"), [("false", "doubtful"), ("true", "well")])
async def test_one_that_is_reached_and_asks_for_its_password_is_right_only_where_it_is_meant(
    tmp_path: Path, remote: str, state: str
) -> None:
    password = {"CONSOLE__PASSWORD_HASH": HASH, "CONSOLE__REMOTE": remote}
    async with running_service(tmp_path, {f"WEBOT_{name}": value for name, value in password.items()}) as service:
        (found,) = await exposed(tmp_path, url_of(service, console=True), **password)

    assert state == found.state


@pytest.mark.parametrize(("metrics", "state"), [("false", "well"), ("true", "doubtful")])
async def test_a_proxy_that_passes_on_all_of_the_port_for_wecom_is_well(
    tmp_path: Path, wecom: WeComSimulator, metrics: str, state: str
) -> None:
    environ = credentials(wecom.app(), wecom.url) | {"WEBOT_CHANNELS__HR__PATH": "/hr"}
    async with running_service(tmp_path, environ | {"WEBOT_SERVER__METRICS": metrics}) as service:
        (found,) = await exposed(tmp_path, url_of(service, console=False), SERVER__METRICS=metrics)

    assert state == found.state


async def test_without_a_public_address_nobody_is_asked_and_one_that_is_away_is_left_open(tmp_path: Path) -> None:
    (away,) = await exposed(tmp_path, "http://127.0.0.1:9")
    loaded = await asyncio.to_thread(load, tmp_path, {})

    assert [] == [finding async for finding in examine_exposure(loaded.settings, findings_for(loaded), 5.0)]
    assert "unchecked" == away.state


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({}, "http://127.0.0.1:50008/console，只对本机开放", id="nothing set"),
        pytest.param(
            {"WEBOT_CONSOLE__HOST": "127.0.0.1", "WEBOT_CONSOLE__GENERATE_PASSWORD": "true"},
            "http://127.0.0.1:50009/console，第一次启动时生成密码",
            id="a password to be made",
        ),
        pytest.param({"WEBOT_CONSOLE__PASSWORD_HASH": HASH}, "打开时需要密码", id="a password"),
    ],
)
def test_where_the_console_is_and_whom_it_answers_is_said(tmp_path: Path, environ: dict[str, str], says: str) -> None:
    loaded = load(tmp_path, environ)
    found = examine_console(
        addresses_of(loaded).console, loaded.settings, Access(), findings_for(loaded), real=has_real_channel(loaded)
    )

    assert "well" == found.state
    assert says in found.says


@pytest.mark.parametrize(
    ("name", "mode", "states"),
    [
        pytest.param(".secrets.toml", 0o600, [], id="secrets of one user"),
        pytest.param(".secrets.toml", 0o640, [], id="secrets of a group"),
        pytest.param(".secrets.toml", 0o644, ["doubtful"], id="secrets everybody reads"),
        pytest.param(".secrets.toml", 0o646, ["ill"], id="secrets everybody changes"),
        pytest.param("settings.local.toml", 0o644, [], id="settings everybody reads"),
        pytest.param("settings.local.toml", 0o666, ["ill"], id="settings everybody changes"),
    ],
)
async def test_files_that_other_users_may_read_or_change_are_named(
    tmp_path: Path, name: str, mode: int, states: list[str]
) -> None:
    def written() -> None:
        (tmp_path / name).write_text("[chat]\nturns = 9\n")
        (tmp_path / name).chmod(mode)

    await asyncio.to_thread(written)
    loaded = await asyncio.to_thread(load, tmp_path, {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/x.db"})
    found = [each async for each in examine_ground(loaded, findings_for(loaded)) if each.check == "rights"]

    assert states == [each.state for each in found]
    assert all(f"chmod 600 {tmp_path / name}" in each.fix for each in found)
