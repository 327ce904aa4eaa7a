"""The service and `webot chains try` send the same bytes for the same question, whatever the chain says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import chains.configs
from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import Case, ChainConfig, Example, read_chain
from chains.evaluation.tester import TRIAL_CAPABILITIES, TRIAL_PERSON, ChainTester
from chains.media.services import trial_media_services
from chains.models.registry import ModelRegistry
from chains.router import Chains, open_chains
from chains.toolset import open_tool_registry
from pipeline.answer import Exchange
from pipeline.events import InboundEvent, Text
from pipeline.ports import AnswerRequest
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import NOON, CountingStopper, RecentMemory, catalog_of
from tests.fakes.openai_server import OpenAIServer

TALK = (Exchange("你好", "你好！"), Exchange("今天周几", "周日"), Exchange("长" * 400, "短"))
INVENTED = (
    ChainConfig(name="bare"),
    ChainConfig(name="prompt", system_prompt="You are brief."),
    ChainConfig(name="called", command="@called", system_prompt="You are {{ chain }}, it is {{ date }} {{ time }}."),
    ChainConfig(name="aliased", command="@aliased", aliases=("@又名",), system_prompt="alias"),
    ChainConfig(name="words", keywords=("请假",), system_prompt="keywords only"),
    ChainConfig(name="both", command="@both", keywords=("报销",), system_prompt="both"),
    ChainConfig(name="front", hands_to=("bare",), system_prompt="a channel's own that hands over"),
    ChainConfig(name="blanks", command="@blanks", system_prompt="{{ user }} {{ channel }} {{ weekday }} {{ date }}"),
    ChainConfig(name="template", command="@template", template="Translate:\n{{ text }}\n({{ user }})"),
    ChainConfig(name="examples", command="@examples", examples=(Example(user="1+1", assistant="2"),) * 2),
    ChainConfig(
        name="everything", template="Q: {{ text }}", examples=(Example(user="a", assistant="b"),), system_prompt="all"
    ),
    ChainConfig(name="json", command="@json", answer_format="json", system_prompt="Answer."),
    ChainConfig(name="text", command="@text", answer_format="text"),
    ChainConfig(name="cold", command="@cold", options={"temperature": 0.1, "max_tokens": 99}),
    ChainConfig(name="odd", options={"top_k": 3, "thinking": {"type": "disabled"}, "stop": ["\n\n"]}),
    ChainConfig(name="clock", command="@clock", tools=("current_time",)),
    ChainConfig(name="draws", tools=("draw_picture", "current_time"), system_prompt="draw"),
    ChainConfig(name="other", command="@other", model="other", options={"temperature": 0.5}),
    ChainConfig(name="line", model="line", options={"top_k": 9}, answer_format="json"),
    ChainConfig(name="few", turns=1, system_prompt="few"),
    ChainConfig(name="small", tokens=40, system_prompt="small window"),
    ChainConfig(name="never", command="@never", turns=0),
    ChainConfig(name="cases", command="@cases", cases=(Case(input="x", contains=("y",)),), system_prompt="  "),
)
SHIPPED = {file.stem: read_chain(file) for file in Path(chains.configs.__path__[0]).glob("*.toml")}
CHAINS = SHIPPED | {chain.name: chain for chain in INVENTED}
PROMPTS = ("", "COMPANY: {{ date }} is no template here")


@dataclass(frozen=True)
class Both:
    """The service and a tester over one set of settings and one server."""

    server: OpenAIServer
    memory: RecentMemory
    service: Chains
    tester: ChainTester

    async def sent(self, chain: ChainConfig) -> tuple[bytes, bytes]:
        """Return the bytes the service sends for a message to a chain, and those a trial sends for the same words."""
        turns = 20 if chain.turns is None else chain.turns
        self.memory.exchanges = TALK[-turns:] if turns else ()
        words = "怎么请假？" if chain.keywords else "你好吗"
        message = f"{chain.command} {words}" if chain.command else words
        event = InboundEvent("key", TRIAL_PERSON, Text(message), NOON)
        own = chain.name if is_channels_own(chain) else "default"
        async for _ in self.service.answer(AnswerRequest(event, TRIAL_CAPABILITIES, trace="7", chain=own)):
            pass
        by_service = self.server.asked[-1].raw
        tried = await self.tester.ask(chain, words, self.memory.exchanges)

        assert "" == tried.error
        return by_service, self.server.asked[-1].raw


def is_channels_own(chain: ChainConfig) -> bool:
    return not chain.command and chain.name != "words"


@asynccontextmanager
async def both(folder: Path, prompt: str) -> AsyncIterator[Both]:
    async with OpenAIServer() as server:
        table = {"model": "m", "base_url": server.base_url, "max_retries": 0}
        settings = Settings.model_validate(
            {
                "chat": {"system_prompt": prompt},
                "models": {
                    "default": table,
                    "other": {**table, "model": "o", "temperature": 0.9},
                    "line": {**table, "model": "l", "fallbacks": ("other",)},
                    "image": {"model": "painter", "base_url": server.base_url},
                },
            }
        )
        memory = RecentMemory()
        service = await asyncio.to_thread(
            open_chains,
            settings,
            memory=memory,
            stopper=CountingStopper(),
            read_catalog=catalog_of(ChainCatalog(CHAINS)),
            pictures=StoredImages(MediaFolder(folder)),
        )
        words = await asyncio.to_thread(Catalogue, settings.chat.language)
        tools = await asyncio.to_thread(open_tool_registry, trial_media_services(settings))
        own = {"default", *(chain.name for chain in CHAINS.values() if is_channels_own(chain))}
        models = ModelRegistry(settings, words)
        tester = ChainTester(models, settings.chat, words, tools, clock=lambda: NOON, channel_chains=own)
        try:
            yield Both(server, memory, service, tester)
        finally:
            await service.aclose()
            await models.aclose()


@pytest.mark.parametrize("prompt", PROMPTS, ids=["no prompt for all", "a prompt for all"])
async def test_every_chain_sends_the_same_bytes_tried_as_it_does_in_the_service(tmp_path: Path, prompt: str) -> None:
    async with both(tmp_path / "media", prompt) as it:
        sent = {name: await it.sent(chain) for name, chain in CHAINS.items()}

    assert {} == {name: pair for name, pair in sent.items() if pair[0] != pair[1]}
    assert {bool(prompt)} == {b"COMPANY" in sent[name][0] for name in ("bare", "default", "few")}
    assert not any(b"COMPANY" in sent[name][0] for name in ("words", "called", "json", "translator"))
