"""Looking up members, the app and addresses, and the menu under the conversation."""

from typing import Any

import pytest

from adapters.simulator.simulator import WeComSimulator
from tests.adapters.simulator.conftest import AGENT, OTHER_AGENT, Caller

BUTTONS = [
    {"type": "click", "name": "帮助", "key": "@help"},
    {"name": "快捷指令", "sub_button": [{"type": "view", "name": "网站", "url": "https://example.com"}]},
]


async def test_a_member_is_found(caller: Caller) -> None:
    answer = await caller.get("user/get", userid="lisi")

    assert (0, "LiSi", "李四", [1]) == (answer["errcode"], answer["userid"], answer["name"], answer["department"])


@pytest.mark.parametrize(("query", "errcode"), [({}, 41009), ({"userid": "nobody"}, 60111)])
async def test_a_member_is_not_found(query: dict[str, str], errcode: int, caller: Caller) -> None:
    assert errcode == (await caller.get("user/get", **query))["errcode"]


async def test_a_departments_members_are_listed(caller: Caller) -> None:
    answer = await caller.get("user/simplelist", department_id="2")

    assert ["zhangsan", "wangwu"] == [member["userid"] for member in answer["userlist"]]


@pytest.mark.parametrize(("query", "errcode"), [({}, 40063), ({"department_id": "99"}, 60003)])
async def test_a_department_is_not_found(query: dict[str, str], errcode: int, caller: Caller) -> None:
    assert errcode == (await caller.get("user/simplelist", **query))["errcode"]


async def test_the_app_can_look_itself_up(caller: Caller) -> None:
    answer = await caller.get("agent/get", agentid=str(AGENT))

    assert (0, AGENT, "webot", 0) == (answer["errcode"], answer["agentid"], answer["name"], answer["close"])
    assert {"userid": "LiSi"} in answer["allow_userinfos"]["user"]


@pytest.mark.parametrize("route", ["agent/get", "menu/get", "menu/delete"])
@pytest.mark.parametrize(
    ("agent", "errcode"), [("", 41011), ("7x", 40056), ("99", 40056), ("9" * 5000, 40056), (str(OTHER_AGENT), 301002)]
)
async def test_an_agent_is_refused(route: str, agent: str, errcode: int, caller: Caller) -> None:
    assert errcode == (await caller.get(route, agentid=agent))["errcode"]


async def test_the_addresses_callbacks_come_from_are_listed(caller: Caller) -> None:
    assert ["127.0.0.1"] == (await caller.get("getcallbackip"))["ip_list"]


async def test_a_menu_is_made_shown_and_removed(caller: Caller, wecom: WeComSimulator) -> None:
    agent = str(AGENT)
    none = await caller.get("menu/get", agentid=agent)
    made = await caller.post("menu/create", {"button": BUTTONS}, agentid=agent)
    shown = await caller.get("menu/get", agentid=agent)
    on_the_phone = wecom.menu(agent_id=AGENT)
    removed = await caller.get("menu/delete", agentid=agent)

    assert (46003, 0, 0) == (none["errcode"], made["errcode"], removed["errcode"])
    assert BUTTONS == shown["button"] == on_the_phone
    assert [] == list(wecom.menu(agent_id=AGENT))


def button(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"type": "click", "name": "ok", "key": "k"} | changes


def below(*buttons: object) -> list[dict[str, Any]]:
    return [{"name": "more", "sub_button": list(buttons)}]


@pytest.mark.parametrize(
    ("buttons", "errcode"),
    [
        pytest.param(None, 40016, id="no buttons"),
        pytest.param([], 40016, id="an empty list"),
        pytest.param([button()] * 4, 40016, id="four buttons"),
        pytest.param(["ok"], 40058, id="a word for a button"),
        pytest.param([button(type="dance")], 40017, id="an unknown type"),
        pytest.param([button(type=None)], 40017, id="no type"),
        pytest.param([button(name="六个字太长了")], 40018, id="a name of 18 bytes"),
        pytest.param([button(name="")], 40018, id="no name"),
        pytest.param([button(key="k" * 129)], 40019, id="a long key"),
        pytest.param([button(type="view")], 40020, id="a page without url"),
        pytest.param([button(type="view", url="u" * 1025)], 40020, id="a long url"),
        pytest.param(below(), 40023, id="nothing below"),
        pytest.param(below(*[button()] * 6), 40023, id="six below"),
        pytest.param(below(button(type="dance")), 40024, id="an unknown type below"),
        pytest.param(below(button(name="n" * 41)), 40025, id="a long name below"),
        pytest.param(below(button(key="k" * 129)), 40026, id="a long key below"),
        pytest.param(below(button(type="view", url="u" * 1025)), 40027, id="a long url below"),
        pytest.param(below({"name": "deeper", "sub_button": [button()]}), 40022, id="a third level"),
    ],
)
async def test_a_menu_is_refused(buttons: object, errcode: int, caller: Caller, wecom: WeComSimulator) -> None:
    assert errcode == (await caller.post("menu/create", {"button": buttons}, agentid=str(AGENT)))["errcode"]
    assert [] == list(wecom.menu(agent_id=AGENT))


async def test_names_as_long_as_they_may_be_are_taken(caller: Caller) -> None:
    buttons = [button(name="n" * 16), *below(button(name="n" * 40, key="k" * 128))]

    assert 0 == (await caller.post("menu/create", {"button": buttons}, agentid=str(AGENT)))["errcode"]
