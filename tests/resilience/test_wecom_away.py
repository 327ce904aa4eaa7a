"""WeCom refuses, breaks and comes back; the model hangs; callbacks come three times."""

import asyncio
from pathlib import Path

import pytest

from adapters.simulator.faults import Drop, Errcode, Fault, HttpStatus, NotJson
from tests.fakes.openai_server import Hangs, OpenAIServer
from tests.fork_server import ForkServer
from tests.resilience.cluster import Cluster
from tests.resilience.webhook_clients import post_all
from tests.resilience.wecom_clients import ScriptedMember, read, words

_LINES = 60
"""Of a message whose echo takes three messages of WeCom."""


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([Errcode(-1), HttpStatus(500), HttpStatus(502), Drop(), NotJson()], id="it breaks"),
        # Each of these is worth a wait of a minute.
        pytest.param([Errcode(45009), Errcode(60020, ip="203.0.113.7")], id="it refuses"),
    ],
)
async def test_every_part_arrives_once_and_in_order_however_wecom_fails(
    tmp_path: Path, forks: ForkServer, faults: list[Fault]
) -> None:
    people = [ScriptedMember(f"u{number}", [_LINES, 1]) for number in range(6)]
    async with Cluster(tmp_path, forks=forks) as cluster:
        service = await cluster.serve()
        for fault in faults:
            await cluster.wecom.add_fault(fault, route="message/send", calls=3)
        letters = [cluster.letter(one.user, words(n, lines)) for n, lines in enumerate((_LINES, 1)) for one in people]
        posted = await post_all(service.port, [letter.request() for letter in letters], connections=1)
        came = [await _whole(cluster, one) for one in people]

        assert {200} == {each.status for each in posted}
        assert [(len(one.tags), [], []) for one in people] == came
        assert [] == [fault for fault in service.faults() if "operator_needed" not in fault]


async def test_a_hanging_model_is_stopped_by_its_person_and_holds_up_nobody_else(
    tmp_path: Path, forks: ForkServer
) -> None:
    async with OpenAIServer() as model:
        model.script(Hangs())
        async with Cluster(tmp_path, forks=forks, model_url=model.base_url) as cluster:
            service = await cluster.serve()

            async def say(user: str, text: str) -> None:
                await post_all(service.port, [cluster.letter(user, text).request()], connections=1)

            await say("u0", "this one hangs")
            await model.until(lambda: len(model.asked) == 1)
            await say("u0", "the next")
            await say("u1", "beside")
            beside = await cluster.delivered("u1", count=1)
            await say("u0", "@stop")
            came = await cluster.delivered("u0", count=2)

            assert ["echo: beside"] == [message.text for message in beside]
            # The word of @stop and the next answer go their own ways.
            assert "echo: the next" in {message.text for message in came}
            assert 2 == len(came)
            assert 1 == model.hung_up


async def test_every_callback_delivered_three_times_is_answered_once(tmp_path: Path, forks: ForkServer) -> None:
    people = 1000
    # On a machine far too busy, "still thinking" would be a message more.
    async with Cluster(tmp_path, forks=forks, settings={"WEBOT_CHAT__THINKING_SECONDS": "0"}) as cluster:
        service = await cluster.serve()
        letters = [cluster.letter(f"u{number}", f"m{number}") for number in range(people)]
        # Sealed anew each time, as WeCom does, and the three of a message close together.
        requests = [letter.request() for letter in letters for _ in range(3)]
        posted = await post_all(service.port, requests, connections=48)
        texts = await asyncio.gather(*(_texts(cluster, letter.said.user) for letter in letters))

        assert {200} == {each.status for each in posted}
        assert [[f"echo: m{number}"] for number in range(people)] == texts
        assert people == await cluster.total()


async def _whole(cluster: Cluster, spoken: ScriptedMember) -> tuple[int, list[object], list[str]]:
    """Wait for everything due to a person, parts not counted beforehand."""
    count = len(spoken.lines)
    while True:
        came = await cluster.delivered(spoken.user, count=count)
        following, twice, strays = read(spoken, came)
        if following == len(spoken.tags):
            return following, list(twice), strays
        count = len(came) + 1


async def _texts(cluster: Cluster, user: str) -> list[str]:
    return [message.text for message in await cluster.delivered(user, count=1)]
