"""Reading a phone: waiting, following, and who there is."""

import asyncio

import pytest

from adapters.simulator.platform.apps import App, invent_app, invent_bot
from adapters.simulator.platform.timeline import Delivered, MemberAction
from adapters.simulator.simulator import WeComSimulator
from tests.adapters.simulator.conftest import AGENT, Caller


async def test_waiting_ends_when_enough_has_come(caller: Caller, wecom: WeComSimulator) -> None:
    waiting = asyncio.create_task(wecom.texts("zhangsan", count=2, agent_id=AGENT))
    await caller.send(content="one")
    await caller.send(content="two")

    assert ["one", "two"] == await waiting


async def test_waiting_in_vain_says_what_came(caller: Caller, wecom: WeComSimulator) -> None:
    await caller.send(content="one")

    with pytest.raises(TimeoutError, match="zhangsan got 1 of 2 messages within"):
        await wecom.texts("zhangsan", count=2, within=0.01, agent_id=AGENT)


async def test_waiting_for_more_than_a_phone_keeps_is_an_error_at_once(wecom: WeComSimulator) -> None:
    with pytest.raises(ValueError, match="keeps 200 messages here, so 201 will never"):
        await wecom.texts("zhangsan", count=201, agent_id=AGENT)


async def test_what_was_read_before_can_be_left_out(caller: Caller, wecom: WeComSimulator) -> None:
    await caller.send(content="one")
    (first,) = await wecom.messages("zhangsan", agent_id=AGENT)
    await caller.send(content="two")

    assert ["two"] == await wecom.texts("zhangsan", after=first.number, agent_id=AGENT)


async def test_a_conversation_has_both_sides_in_order(caller: Caller, wecom: WeComSimulator) -> None:
    phone = wecom.phone("zhangsan", agent_id=AGENT)
    await phone.say("question")
    await caller.send(content="answer")

    assert [MemberAction, Delivered] == [type(entry) for entry in phone.entries()]


async def test_two_who_follow_see_the_same(caller: Caller, wecom: WeComSimulator) -> None:
    async def follow(count: int) -> list[str]:
        seen: list[str] = []
        async for entry in wecom.watch("zhangsan", agent_id=AGENT):
            assert isinstance(entry, Delivered)
            seen.append(entry.text)
            if len(seen) == count:
                break
        return seen

    await caller.send(content="0")
    followers = [asyncio.create_task(follow(3)) for _ in range(2)]
    for number in (1, 2):
        await caller.send(content=str(number))

    async with asyncio.timeout(30):
        assert [["0", "1", "2"]] * 2 == await asyncio.gather(*followers)


async def test_without_a_list_of_members_anybody_may_come_in() -> None:
    simulator = WeComSimulator([invent_app()])

    assert "somebody" == simulator.phone("somebody").user
    with pytest.raises(LookupError, match="'a b' is no member"):
        simulator.phone("a b")
    await simulator.callback_sender.aclose()


async def test_a_stranger_has_no_phone(wecom: WeComSimulator) -> None:
    with pytest.raises(LookupError, match="'nobody' is no member"):
        wecom.phone("nobody", agent_id=AGENT)


async def test_an_app_that_is_not_clear_is_asked_for(wecom: WeComSimulator, app: App) -> None:
    with pytest.raises(LookupError, match=f"2 apps fit .* there are: {app.corp_id}/1000002, {app.corp_id}/1000003"):
        wecom.phone("zhangsan")


def test_an_invented_app_keeps_its_secrets_out_of_sight() -> None:
    app = invent_app()

    assert 43 == len(app.encoding_aes_key)
    assert app.secret not in repr(app)
    assert app.secret != invent_app().secret


async def test_an_application_and_bots_that_are_invented_stand_side_by_side() -> None:
    invented = [invent_app(), invent_bot(), invent_bot()]
    simulator = WeComSimulator(invented)

    assert invented == [simulator.app(app.agent_id) for app in invented]
    await simulator.callback_sender.aclose()
