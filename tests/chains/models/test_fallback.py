"""Models that stand in for one another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from structlog.testing import capture_logs

from chains.models.fallback import FAILURES, REST_SECONDS, ChatModel, CircuitBreaker
from chains.models.registry import ModelRegistry
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says
from tests.hand_clock import HandClock


@dataclass
class Line:
    """A model with two behind it, each a model of its own on one server, which says what a test sets."""

    model: ChatModel
    server: OpenAIServer
    acts: dict[str, Act]
    clock: HandClock

    async def asked(self, *, streams: bool = False) -> list[str]:
        """Ask once; give the models that were asked."""
        before = len(self.server.bodies)
        try:
            if streams:
                async for _ in self.model.astream([HumanMessage("hi")]):
                    pass
            else:
                assert isinstance(await self.model.ainvoke([HumanMessage("hi")]), AIMessage)
        finally:
            asked = [body["model"] for body in self.server.bodies[before:]]
        return asked


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    acts: dict[str, Act] = {name: Says(name) for name in ("first", "second", "third")}
    async with OpenAIServer(otherwise=lambda body: acts[body["model"]]) as server:
        settings = Settings.model_validate(
            {
                "models": {
                    name: {"model": name, "base_url": server.base_url, "max_retries": 0, "fallbacks": behind}
                    for name, behind in (("first", ["second", "third"]), ("second", []), ("third", []))
                }
            }
        )
        clock = HandClock()
        models = ModelRegistry(settings, await asyncio.to_thread(Catalogue, "en"), rests=CircuitBreaker(clock))
        try:
            yield Line(await models.chat("first"), server, acts, clock)
        finally:
            await models.aclose()


@pytest.mark.parametrize("streams", [False, True])
async def test_a_model_that_keeps_failing_is_left_alone_for_a_while(streams: bool) -> None:  # noqa: FBT001 - a parameter
    async with line() as it:
        it.acts["first"] = Fails(503)
        with capture_logs() as logs:
            for _ in range(FAILURES):
                assert ["first", "second"] == await it.asked(streams=streams)
            assert ["second"] == await it.asked(streams=streams)
        it.clock.now += REST_SECONDS
        assert ["first", "second"] == await it.asked(streams=streams)
        # One failure after the rest is enough.
        assert ["second"] == await it.asked(streams=streams)
        it.clock.now += REST_SECONDS
        it.acts["first"] = Says("well again")
        assert ["first"] == await it.asked(streams=streams)
        assert ["first"] == await it.asked(streams=streams)

    assert 1 == len([entry for entry in logs if entry["event"] == "model_rests"])


async def test_failures_that_are_not_in_a_row_do_not_add_up() -> None:
    async with line() as it:
        for _ in range(FAILURES):
            it.acts["first"] = Fails(503)
            assert ["first", "second"] == await it.asked()
            it.acts["first"] = Says("well")
            assert ["first"] == await it.asked()


async def test_what_was_asked_is_no_fault_of_the_model() -> None:
    async with line() as it:
        it.acts["first"] = Fails(400, message="content policy")
        for _ in range(FAILURES + 1):
            assert ["first", "second"] == await it.asked()


async def test_where_all_rest_all_are_asked_and_the_first_ones_failure_is_told() -> None:
    async with line() as it:
        it.acts.update(first=Fails(500), second=Fails(503), third=Fails(502))
        for _ in range(FAILURES + 1):
            with pytest.raises(Exception, match="500"):
                await it.asked()
        assert 3 * (FAILURES + 1) == len(it.server.bodies)


async def test_an_answer_that_breaks_off_is_not_begun_anew() -> None:
    async with line() as it:
        it.acts["first"] = Says("a long answer", breaks_after=3)
        with pytest.raises(Exception, match=r"."):
            await it.asked(streams=True)

        assert ["first"] == [body["model"] for body in it.server.bodies]
