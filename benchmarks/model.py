"""What one answer costs in CPU at 40 messages: webot's whole chain, its model alone, LangChain's bare ChatOpenAI."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from benchmarks.harness import programme
from benchmarks.tables import at_most, seen, table
from chains.conversation.messages import build_messages
from chains.models.registry import ModelRegistry
from chains.router import open_chains
from pipeline.answer import Exchange
from pipeline.settings import Chat, ModelTable, Settings
from pipeline.text.i18n import Catalogue
from tests.chains.harness import CountingStopper, RecentMemory, ask
from tests.resilience.processes import Program, module

_CALLS = 150
_ROUNDS = 5
_EXCHANGES = tuple(Exchange(f"question {n} " * 10, f"answer {n} " * 30) for n in range(20))
_QUESTION = "and what of it?"


async def main() -> None:
    """Run it, the three in turn."""
    with TemporaryDirectory(prefix="webot-bench-") as folder:
        server = Program(module("tests.fakes.openai_server"), folder=Path(folder), name="model")
        try:
            await _measure(await server.start())
        finally:
            await server.kill()


async def _measure(base_url: str) -> None:
    table_of = ModelTable.model_validate({"model": "pretended", "base_url": base_url, "api_key": "none-needed"})
    settings = Settings(models={"default": table_of}, chat=Chat(turns=20))
    memory = RecentMemory(exchanges=_EXCHANGES)
    chains = await asyncio.to_thread(open_chains, settings, memory=memory, stopper=CountingStopper())
    models = ModelRegistry(settings, Catalogue("zh"))
    ours = await models.chat("default")
    bare = ChatOpenAI(model="pretended", base_url=base_url, api_key=SecretStr("none-needed"))
    messages = build_messages("be brief", _EXCHANGES, _QUESTION)

    async def whole_chain() -> None:
        async for _ in chains.answer(ask(_QUESTION)):
            pass

    async def our_model() -> None:
        await ours.ainvoke(messages)

    async def bare_model() -> None:
        await bare.ainvoke(messages)

    ways = {"webot's chain": whole_chain, "webot's model alone": our_model, "bare ChatOpenAI": bare_model}
    rows = []
    for together in (1, 50):
        cost = dict.fromkeys(ways, float("inf"))
        for _ in range(_ROUNDS):
            for name, way in ways.items():
                cost[name] = min(cost[name], await _cpu(way, together))
        ratio = cost["webot's chain"] / cost["bare ChatOpenAI"]
        rows.append(at_most(f"chain / bare, {together} at once", ratio, 1.0, "", digits=2))
        rows += [seen(f"  {name}", milliseconds, "ms", digits=2) for name, milliseconds in cost.items()]
    table(f"CPU of an answer at {len(messages)} messages, best of {_ROUNDS} rounds of {_CALLS}", rows)
    await chains.aclose()
    await models.aclose()


async def _cpu(way: Callable[[], Awaitable[None]], together: int) -> float:
    began = time.process_time()
    for _ in range(_CALLS // together):
        await asyncio.gather(*(way() for _ in range(together)))
    return (time.process_time() - began) / (_CALLS // together * together) * 1000


if __name__ == "__main__":
    programme(main)
