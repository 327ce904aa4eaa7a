"""What an answer costs: every model at its own price, whoever of them answered."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.conversation.provenance import build_provenance
from chains.models.prices import Price, usage_of
from chains.models.response import ModelResponse
from pipeline.answer import Provenance, TokenUsage
from pipeline.settings import ModelTable
from tests.chains.harness import open_chains_harness, remembered
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says

DEAR: dict[str, Any] = {"input_price": 2.0, "output_price": 8.0}
CHEAP: dict[str, Any] = {"input_price": 0.5, "output_price": 1.0}


def model_of(server: OpenAIServer, name: str, **more: object) -> dict[str, object]:
    return {"model": name, "base_url": server.base_url, "max_retries": 0, **more}


async def answer(server: OpenAIServer, *, streams: bool = False, **more: Any) -> Provenance:  # noqa: ANN401
    async with open_chains_harness(server.base_url, **more) as it:
        return remembered(await it.outcome("hi", streams=streams)).provenance


@pytest.mark.parametrize("streams", [False, True])
async def test_an_answer_costs_what_its_tokens_do(server: OpenAIServer, *, streams: bool) -> None:
    server.script(Says("Yes.", usage=(1000, 10)))

    assert 1000 * 2 + 10 * 8 == (await answer(server, streams=streams, **DEAR)).cost


@pytest.mark.parametrize("streams", [False, True])
async def test_tokens_the_provider_has_kept_cost_their_own_price(server: OpenAIServer, *, streams: bool) -> None:
    server.script(Says("Yes.", usage=(1000, 10), cached=900), Says("Yes.", usage=(1000, 10), cached=900))

    assert 100 * 2 + 900 * 0.5 + 10 * 8 == (await answer(server, streams=streams, cached_input_price=0.5, **DEAR)).cost
    assert 1000 * 2 + 10 * 8 == (await answer(server, streams=streams, **DEAR)).cost


@pytest.mark.parametrize("streams", [False, True])
async def test_the_price_is_that_of_the_model_that_stood_in(server: OpenAIServer, *, streams: bool) -> None:
    server.script(Fails(500), Says("Yes.", usage=(1000, 10)))
    behind = {"behind": model_of(server, "behind-model", **CHEAP)}

    made = await answer(server, streams=streams, models=behind, fallbacks=["behind"], **DEAR)

    assert ("behind-model", 1000 * 0.5 + 10 * 1) == (made.model, made.cost)


async def test_what_choosing_the_chain_took_is_part_of_the_answer() -> None:
    def otherwise(body: Mapping[str, Any]) -> Act:
        return Says('{"chain": "code"}', usage=(100, 5)) if body["model"] == "small" else Says("a", usage=(1000, 10))

    catalog = ChainCatalog(
        {
            "default": ChainConfig(name="default", hands_to=("code",), chooser="small"),
            "code": ChainConfig(name="code"),
        }
    )
    async with OpenAIServer(otherwise=otherwise) as both:
        made = await answer(both, catalog=catalog, models={"small": model_of(both, "small", **CHEAP)}, **DEAR)

    chosen = 100 * 0.5 + 5 * 1
    assert ("code", "test-model", 1100, 15) == (made.chain, made.model, made.input_tokens, made.output_tokens)
    assert (TokenUsage("small", 100, 5, round(chosen)),) == made.other_usage
    assert chosen + 1000 * 2 + 10 * 8 == made.cost


@pytest.mark.parametrize("usage", [(10**30, 10**30), (-5, -7)])
async def test_a_count_that_cannot_be_is_not_believed(server: OpenAIServer, usage: tuple[int, int]) -> None:
    server.script(Says("Yes.", usage=usage))

    assert 0 <= (await answer(server, input_price=10**9, output_price=10**9)).cost < 2**63


async def test_the_demo_model_costs_nothing() -> None:
    async with open_chains_harness(**DEAR) as it:
        assert 0 == remembered(await it.outcome("hi")).provenance.cost


tokens = st.integers(0, 10**7)
prices = st.floats(0, 1000, allow_nan=False)
messages = st.builds(
    ModelResponse,
    model=st.sampled_from(["", "a", "b"]),
    input_tokens=tokens,
    cached_tokens=tokens,
    output_tokens=tokens,
)


@given(st.lists(messages, min_size=1), prices, prices, prices)
def test_the_parts_of_an_answer_come_to_its_sum(
    heard: list[ModelResponse], given_price: float, cached: float, answered: float
) -> None:
    table = ModelTable(input_price=given_price, cached_input_price=cached, output_price=answered)
    taken = [usage_of(each.call("a"), Price.of(table)) for each in heard]
    made = build_provenance(ChainConfig(name="default"), "a", taken, milliseconds=0)
    own = [each for each in taken if each.model == "a"]

    assert made.cost == sum(each.cost for each in taken)
    assert made.cost - sum(each.cost for each in made.other_usage) == sum(each.cost for each in own)
    assert made.output_tokens - sum(each.output_tokens for each in made.other_usage) == sum(
        each.output_tokens for each in own
    )
    assert "a" not in {each.model for each in made.other_usage}
    assert all(each.cost >= 0 for each in taken)
