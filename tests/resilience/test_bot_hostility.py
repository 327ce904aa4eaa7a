"""A bot that is sent everything but messages; `python -m benchmarks.bot_hostile` sends a hundred thousand."""

from pathlib import Path

import pytest

from tests.fork_server import ForkServer
from tests.resilience.bot_cluster import BotCluster, Mode
from tests.resilience.bot_hostility import hostility

REFUSALS = {"connection": {"bot_frame_refused"}, "callback": {"callback_refused"}}
OF_A_QUESTION = {"turn_done"}
# The bot is connected before webot has written that it is ready.
OF_THE_START = {"bot_connected", "ready"}


@pytest.mark.parametrize("mode", ["connection", "callback"])
async def test_hostile_frames_and_bodies_are_refused_and_a_question_after_them_is_answered(
    tmp_path: Path, forks: ForkServer, mode: Mode
) -> None:
    async with BotCluster(tmp_path, mode, forks=forks) as cluster:
        await cluster.start(1)
        if mode == "connection":
            await cluster.simulator.bots.connected(cluster.app, within=60)
        happened = await hostility(cluster, 600)

    assert happened.answered
    assert int(mode == "connection") == happened.subscribed
    assert happened.statuses <= {400, 403, 413}
    assert REFUSALS[mode] <= happened.events <= REFUSALS[mode] | OF_THE_START | OF_A_QUESTION
