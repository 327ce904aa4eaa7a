"""The page of the menu: WeCom's beside the one of the settings, and pushed by a button."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.simulator.faults import Errcode, Rule
from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from storage.conversations.audit import deeds
from tests.service import RunningService, running_service
from tests.web.credentials import credentials
from tests.web.security.test_sign_in import PASSWORD, sign_in
from web.operator.accounts import add_account
from web.security.roles import Role

HR = invent_app(agent_id=1000003, name="hr")
ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
async def wecom() -> AsyncIterator[WeComSimulator]:
    async with WeComSimulator([invent_app(), HR]) as running:
        yield running


@pytest.fixture
async def service(tmp_path: Path, wecom: WeComSimulator) -> AsyncIterator[RunningService]:
    # The bot has no credentials: the simulator plays it, while the app is a real one.
    environ = credentials(HR, wecom.url, channel="hr", path="/hr") | {
        "WEBOT_CHANNELS__BOT__KIND": "wecom_aibot",
        "WEBOT_CHAT__LANGUAGE": "en",
    }
    async with running_service(tmp_path, environ) as opened:
        await add_account(opened.service.database, "ann", Role.OPERATOR, PASSWORD, by="root@host")
        assert (await sign_in(opened, "ann")).is_redirect
        yield opened


async def test_the_menu_in_wecom_stands_beside_the_settings_and_is_pushed(
    service: RunningService, wecom: WeComSimulator
) -> None:
    before = (await service.console.get("/console/menu", headers=ENGLISH)).text
    pushed = await service.console.post("/console/menu/push", data={"channel": "hr"}, headers=ENGLISH)
    after = (await service.console.get(pushed.headers["location"], headers=ENGLISH)).text
    unknown = await service.console.post("/console/menu/push", data={"channel": "<b>"}, headers=ENGLISH)
    wecom.faults.set(Rule(Errcode(60011), "menu/get"))
    refused = (await service.console.get("/console/menu", headers=ENGLISH)).text

    assert "no menu" in before
    assert "different" in before
    assert (303, "/console/menu?pushed=hr") == (pushed.status_code, pushed.headers["location"])
    assert ["Commands"] == [button["name"] for button in wecom.menu(agent_id=HR.agent_id)]
    assert "people see it when they next open the app" in after
    assert "different" not in after
    assert 2 == after.count("  New conversation  @clear")
    assert "&lt;b&gt;" in unknown.text
    assert 422 == unknown.status_code
    assert "60011" in refused
    assert ["menu_push"] == [
        each.action for each in await deeds(service.service.database) if each.action == "menu_push"
    ]


async def test_with_the_simulator_alone_the_page_says_so(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        page = (await service.console.get("/console/menu", headers=ENGLISH)).text

    assert "No channel has WeCom credentials" in page
    assert "@clear" in page
