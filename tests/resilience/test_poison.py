"""A message that takes the process with it each time is not begun for ever."""

from functools import partial
from pathlib import Path

from pipeline.text.i18n import Catalogue
from tests.fakes.openai_server import Hangs, OpenAIServer, Says
from tests.fork_server import ForkServer
from tests.resilience.cluster import Cluster
from tests.resilience.webhook_clients import post_all

_ATTEMPTS = 2


def _asked(model: OpenAIServer, times: int) -> bool:
    return len(model.asked) == times


async def test_a_message_that_kills_is_begun_a_few_times_and_apologised_for(tmp_path: Path, forks: ForkServer) -> None:
    settings = {"WEBOT_LIMITS__TURN_ATTEMPTS": str(_ATTEMPTS), "WEBOT_CHAT__THINKING_SECONDS": "0"}
    async with (
        OpenAIServer() as model,
        Cluster(tmp_path, forks=forks, model_url=model.base_url, settings=settings) as cluster,
    ):
        model.script(*[Hangs()] * _ATTEMPTS, Says("好了"))
        service = await cluster.serve()
        await post_all(service.port, [cluster.letter("u0", "毒").request()], connections=1)
        for begun in range(1, _ATTEMPTS + 1):
            await model.until(partial(_asked, model, begun))
            await service.kill()
            await service.start()
        apology = await cluster.delivered("u0", count=1)
        await post_all(service.port, [cluster.letter("u0", "再来").request()], connections=1)
        both = await cluster.delivered("u0", count=2)

    assert _ATTEMPTS + 1 == len(model.asked)
    assert Catalogue("zh").text("turn.failed", trace="1") in str(apology)
    assert "好了" in str(both)
