"""What goes wrong on request at the API, and for how long."""

import asyncio

import httpx2
import pytest

from adapters.simulator.faults import Drop, Errcode, Fault, Hang, HttpStatus, NotJson, Rule, Slow
from adapters.simulator.simulator import WeComSimulator
from tests.adapters.simulator.conftest import AGENT, Caller


@pytest.mark.parametrize("errcode", [-1, 40014, 42001, 45009, 45033])
async def test_any_error_can_be_asked_for(errcode: int, caller: Caller, wecom: WeComSimulator) -> None:
    wecom.add_fault(Errcode(errcode), route="message/send", calls=2)
    codes = [(await caller.send(content=str(number)))["errcode"] for number in range(3)]

    assert [errcode, errcode, 0] == codes
    assert ["2"] == await wecom.texts("zhangsan", agent_id=AGENT)
    assert {"errcode": 2} == wecom.counts.faults


async def test_60020_names_the_address_it_was_told(caller: Caller, wecom: WeComSimulator) -> None:
    wecom.add_fault(Errcode(60020, ip="203.0.113.7"))
    answer = await caller.send(content="hello")

    assert 60020 == answer["errcode"]
    assert "from ip: 203.0.113.7" in answer["errmsg"]


async def test_a_fault_of_one_route_leaves_the_others_alone(caller: Caller, wecom: WeComSimulator) -> None:
    wecom.add_fault(Errcode(-1), route="message/send")

    assert 0 == (await caller.get("agent/get", agentid=str(AGENT)))["errcode"]
    assert -1 == (await caller.send(content="hello"))["errcode"]


async def test_a_fault_holds_until_it_is_lifted(caller: Caller, wecom: WeComSimulator) -> None:
    number = wecom.add_fault(Errcode(-1))
    codes = [(await caller.send(content="hello"))["errcode"] for _ in range(3)]
    wecom.clear_faults(number)

    assert [-1, -1, -1] == codes
    assert 0 == (await caller.send(content="hello"))["errcode"]


async def test_a_fault_by_chance_strikes_about_as_often_as_said(caller: Caller, wecom: WeComSimulator) -> None:
    wecom.add_fault(Errcode(-1), chance=0.5)
    codes = [(await caller.get("getcallbackip"))["errcode"] for _ in range(100)]

    assert 30 < codes.count(-1) < 70


async def test_the_oldest_fault_that_fits_strikes_first(caller: Caller, wecom: WeComSimulator) -> None:
    wecom.add_fault(Errcode(45009), calls=1)
    wecom.add_fault(Errcode(-1), calls=1)

    assert [45009, -1, 0] == [(await caller.send(content="hello"))["errcode"] for _ in range(3)]


@pytest.mark.parametrize("wrong", [{"calls": 0}, {"chance": 0.0}, {"chance": 1.5}])
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Rule(Hang(), **wrong)  # type: ignore[arg-type]


def test_a_route_there_is_not_is_answered_with_those_there_are(wecom: WeComSimulator) -> None:
    with pytest.raises(ValueError, match="no route 'message/sned'; there are "):
        wecom.add_fault(Hang(), route="message/sned")


async def test_http_errors_and_pages_can_be_asked_for(
    caller: Caller, client: httpx2.AsyncClient, wecom: WeComSimulator
) -> None:
    query = {"access_token": caller.token}
    wecom.add_fault(HttpStatus(502), calls=1)
    status = await client.get("/cgi-bin/getcallbackip", params=query)
    wecom.add_fault(NotJson("<html>login</html>"), calls=1)
    page = await client.get("/cgi-bin/getcallbackip", params=query)

    assert 502 == status.status_code
    assert (200, "<html>login</html>") == (page.status_code, page.text)


async def test_a_slow_answer_is_the_right_one(caller: Caller, wecom: WeComSimulator) -> None:
    wecom.add_fault(Slow(0.05))
    started = asyncio.get_running_loop().time()
    answer = await caller.send(content="hello")

    assert 0 == answer["errcode"]
    assert asyncio.get_running_loop().time() - started >= 0.05


@pytest.mark.parametrize(
    ("fault", "error", "shown"),
    [
        pytest.param(Drop(), httpx2.RemoteProtocolError, 0, id="dropped before it was done"),
        pytest.param(Drop(done=True), httpx2.RemoteProtocolError, 1, id="dropped after it was done"),
        pytest.param(Hang(), httpx2.ReadTimeout, 0, id="hanging before it was done"),
        pytest.param(Hang(done=True), httpx2.ReadTimeout, 1, id="hanging after it was done"),
    ],
)
async def test_an_answer_may_never_come(
    fault: Fault, error: type[Exception], shown: int, caller: Caller, client: httpx2.AsyncClient, wecom: WeComSimulator
) -> None:
    wecom.add_fault(fault, calls=1)
    client.timeout = httpx2.Timeout(0.2)
    with pytest.raises(error):
        await caller.send(content="lost")

    assert shown == wecom.counts.delivered
    client.timeout = httpx2.Timeout(5)
    assert 0 == (await caller.send(content="next"))["errcode"]


async def test_stopping_ends_what_hangs(caller: Caller, wecom: WeComSimulator) -> None:
    wecom.add_fault(Hang())
    call = asyncio.create_task(caller.send(content="hello"))
    async with asyncio.timeout(30):
        while not wecom.counts.faults:
            await caller.client.get("/simulator/stats")
        await wecom.stop()
        with pytest.raises(httpx2.RemoteProtocolError):
            await call
