"""What chains cost: reading a thousand of them, an edit among them, memory, and a turn beside the bare library call.

Run as `python -m benchmarks.chains`; the model is a server on this machine in a process of its own.
"""

import asyncio
import gc
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from chains.catalog.config import SHIPPED
from chains.catalog.files import ChainFiles
from chains.models.registry import ModelRegistry
from chains.router import Chains, open_chains
from pipeline.answer import Conversation, ConversationContext, Exchange
from pipeline.events import InboundEvent, Person, Text
from pipeline.ports import AnswerRequest, ChannelCapabilities
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue

CHAINS = 1000
MESSAGES = 40
CALLS = 60
ROUNDS = 5


class Window:
    """A memory that always knows the same exchanges."""

    async def load(self, person: Person, *, turns: int, idle_minutes: int) -> ConversationContext:  # noqa: ARG002
        """Implement `ConversationStore.load`."""
        latest = tuple(Exchange(f"question {number}", f"answer {number}") for number in range(MESSAGES // 2))
        return ConversationContext("", None, latest[-turns:])

    async def conversations(self, person: Person, *, limit: int) -> list[Conversation]:  # noqa: ARG002
        """Implement `ConversationStore.conversations`."""
        return []

    async def answered(self, chat: Person, sender: Person) -> bool:  # noqa: ARG002
        """Implement `ConversationStore.answered`."""
        return True


class Nobody:
    """A stopper without anything to stop."""

    async def stop(self, person: Person) -> bool:  # noqa: ARG002
        """Implement `TurnCanceller.stop`."""
        return False


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        read(Path(folder))
    asyncio.run(calls())


def read(folder: Path) -> None:
    """Read a thousand chain files, with templates, examples and cases; edit one; weigh them."""
    text = (SHIPPED / "translator.toml").read_text(encoding="utf-8")
    for number in range(CHAINS):
        own = text.replace('"@translate"', f'"@t{number}"').replace('"@翻译"', f'"@翻{number}"')
        (folder / f"chain{number}.toml").write_text(own, encoding="utf-8")
    tracemalloc.start()
    weighed = ChainFiles((SHIPPED, folder), logs=False)
    weighed.load()
    gc.collect()
    weight, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    shelf = ChainFiles((SHIPPED, folder), logs=False)
    print(f"{'check ' + str(CHAINS) + ' files':34}{timed(shelf.load):9.0f} ms")
    print(f"{'look at them, nothing changed':34}{min(timed(shelf.refresh) for _ in range(ROUNDS)):9.1f} ms")
    edits = []
    for number in range(ROUNDS):
        (folder / "chain7.toml").write_text(f"turns = {number}", encoding="utf-8")
        shelf.refresh()
        edits.append(timed(shelf.refresh))
    if shelf.catalog.chain("chain7").turns != ROUNDS - 1:
        sys.exit("an edit was not taken over")
    print(f"{'take an edit of one over':34}{min(edits):9.1f} ms (+ two looks, 250 ms apart)")
    person = Person("wecom", "somebody")
    found = timed(lambda: [shelf.catalog.by_command(f"@t{number} hello", person) for number in range(CHAINS)])
    print(f"{'find a chain by its command':34}{found * 1000 / CHAINS:9.2f} us")
    print(f"{'memory of them':34}{weight / 1e6:9.1f} MB\n")


def timed(work: Callable[[], object]) -> float:
    """Give the milliseconds of processor time that work takes."""
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


async def calls() -> None:
    """Compare a whole turn of ours with the bare call of the library, at the same messages."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.openai_server", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None  # noqa: S101 - asked for above
    address = (await server.stdout.readline()).decode().split()[-1]
    table = {"model": "m", "base_url": address, "api_key": "none"}
    settings = Settings.model_validate({"models": {"default": table}, "chat": {"turns": MESSAGES // 2}})
    chains = open_chains(settings, memory=Window(), stopper=Nobody())
    bare = ChatOpenAI(model="m", base_url=address, api_key=SecretStr("none"), max_retries=0)
    lean = await ModelRegistry(settings, Catalogue("zh")).chat("default")
    told: list[BaseMessage] = [SystemMessage("system")]
    for number in range(MESSAGES // 2):
        told += [HumanMessage(f"question {number}"), AIMessage(f"answer {number}")]
    told.append(HumanMessage("now"))
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "ChatOpenAI.ainvoke": lambda: bare.ainvoke(told),
        "our client alone": lambda: lean.ainvoke(told),
        "a whole turn of a chain": lambda: turn(chains),
    }
    try:
        costs: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, call in ways.items():
                costs[way].append(await cost(call))
        first = min(costs["ChatOpenAI.ainvoke"])
        print(f"{f'{MESSAGES} messages in the window':34}{'CPU us a call':>14}{'ratio':>8}")
        for way, each in costs.items():
            print(f"{way:34}{min(each):14.0f}{min(each) / first:8.2f}   (median {statistics.median(each):.0f})")
    finally:
        await chains.aclose()
        server.terminate()
        await server.wait()


async def cost(call: Callable[[], Awaitable[object]]) -> float:
    """Give the microseconds of processor time of one of many calls."""
    await call()
    began = time.process_time()
    for _ in range(CALLS):
        await call()
    return (time.process_time() - began) * 1e6 / CALLS


async def turn(chains: Chains) -> None:
    """Answer one message, as the service does between its inbox and its outbox."""
    event = InboundEvent("key", Person("wecom", "somebody"), Text("now"), datetime.now(UTC))
    async for _ in chains.answer(AnswerRequest(event, ChannelCapabilities(2048), trace="1")):
        pass


if __name__ == "__main__":
    began = perf_counter()
    main()
    print(f"\n{perf_counter() - began:.0f} s in all")
