"""Logging in, and calling with a token that holds, has ended, or never was one."""

import httpx2
import pytest

from adapters.simulator.simulator import WeComSimulator
from tests.adapters.simulator.conftest import AGENT, Caller
from tests.hand_clock import HandClock


async def test_a_second_login_gives_the_same_token(caller: Caller) -> None:
    first = caller.token

    assert first == (await caller.login()).token


async def test_each_app_has_a_token_of_its_own(caller: Caller, other_caller: Caller) -> None:
    assert caller.token != other_caller.token


async def test_a_token_says_how_long_it_still_holds(caller: Caller, clock: HandClock) -> None:
    clock.now += 100
    answer = await caller.get("gettoken", corpid=caller.app.corp_id, corpsecret=caller.app.secret)

    assert 7100 == answer["expires_in"]


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        pytest.param({"corpid": "ww_nobody", "corpsecret": "x"}, 40013, id="an unknown corp"),
        pytest.param({"corpid": "ww0simulator000000", "corpsecret": "x"}, 40001, id="a wrong secret"),
        pytest.param({"corpsecret": "x"}, 41002, id="no corp"),
        pytest.param({"corpid": "ww0simulator000000"}, 41004, id="no secret"),
    ],
)
async def test_a_login_is_refused(caller: Caller, query: dict[str, str], errcode: int) -> None:
    assert errcode == (await caller.get("gettoken", **query))["errcode"]


async def test_a_refusal_carries_a_hint_and_the_address_it_came_from(caller: Caller) -> None:
    message = (await caller.get("gettoken", corpid="ww_nobody", corpsecret="x"))["errmsg"]

    assert "hint: [" in message
    assert "from ip: 127.0.0.1" in message


@pytest.mark.parametrize(
    ("token", "errcode"), [pytest.param("", 41001, id="no token"), pytest.param("made-up", 40014, id="an unknown one")]
)
async def test_a_call_without_a_good_token_is_refused(caller: Caller, token: str, errcode: int) -> None:
    caller.token = token

    assert errcode == (await caller.get("agent/get", agentid=str(AGENT)))["errcode"]


async def test_a_token_ends_after_two_hours_and_the_next_login_gives_another(caller: Caller, clock: HandClock) -> None:
    ended = caller.token
    clock.now += 7200
    refused = await caller.get("agent/get", agentid=str(AGENT))
    await caller.login()

    assert 42001 == refused["errcode"]
    assert ended != caller.token
    assert 0 == (await caller.get("agent/get", agentid=str(AGENT)))["errcode"]


async def test_a_token_can_be_ended_before_its_time(caller: Caller, wecom: WeComSimulator) -> None:
    wecom.expire_tokens(agent_id=AGENT)

    assert 42001 == (await caller.get("agent/get", agentid=str(AGENT)))["errcode"]


async def test_a_route_there_is_not_is_a_plain_404(client: httpx2.AsyncClient) -> None:
    assert 404 == (await client.get("/cgi-bin/no/such/route")).status_code
