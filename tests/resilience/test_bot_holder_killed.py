"""Of two processes on PostgreSQL the one that holds the bot's connection is killed: the other hears what comes next."""

from pathlib import Path

from adapters.simulator.platform.timeline import Delivered
from storage.database.connection_holders import HOLD_SECONDS
from tests.fork_server import ForkServer
from tests.resilience.bot_cluster import BotCluster
from tests.resilience.cluster import Service
from tests.service import until


def connected(service: Service) -> bool:
    return "bot_connected" in service.log.read_text(errors="replace")


async def test_the_other_process_takes_the_bot_over_within_seconds(
    tmp_path: Path, forks: ForkServer, postgres_url: str
) -> None:
    async with BotCluster(tmp_path, "connection", database_url=postgres_url, forks=forks) as cluster:
        await cluster.start(2)
        server, app = cluster.simulator.bots, cluster.app
        await server.connected(app, within=60)
        await until(lambda: any(map(connected, cluster.services)))
        (holder,), (other,) = ([each for each in cluster.services if connected(each) is held] for held in (True, False))
        await holder.kill()
        await until(lambda: not server.is_connected(app))
        await server.connected(app, within=60)
        phone = cluster.simulator.phone("zhangsan")
        await phone.say("你好")
        (answer,) = await phone.messages(count=1, within=60)
        # It hears the bot again once the lease of the one that is dead has run out, whatever the machine is busy with.
        is_short = HOLD_SECONDS <= 5

    assert connected(other)
    assert isinstance(answer, Delivered)
    assert is_short
