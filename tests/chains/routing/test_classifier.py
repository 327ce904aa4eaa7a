"""A model chooses the chain."""

from collections.abc import Mapping
from typing import Any

import pytest

from chains.catalog.catalog import ChainCatalog, build_catalog
from chains.catalog.config import ChainConfig
from chains.catalog.files import accept_all
from chains.models.budget import Budget
from chains.models.registry import ModelRegistry
from chains.routing.classifier import ChainClassifier
from pipeline.answer import Outcome
from pipeline.errors import TryAgain
from pipeline.ports import AnswerRequest
from pipeline.settings import Settings
from pipeline.text.i18n import Catalogue
from tests.chains.harness import ask, open_chains_harness, remembered
from tests.fakes.openai_server import Act, Breaks, Fails, OpenAIServer, Says

# Read here: catalogues are files, and files are not for the event loop.
ZH = Catalogue("zh")
OWN = ChainConfig(name="default", hands_to=("code", "translator", "private", "gone"), chooser="small")
CATALOG = ChainCatalog(
    {
        "default": OWN,
        "code": ChainConfig(name="code", description="about programs"),
        "translator": ChainConfig(name="translator", description="translates", command="@translate"),
        "private": ChainConfig(name="private", description="for bob", users=("bob",)),
    }
)


def choosing(act: Act, asked: list[Mapping[str, Any]]) -> OpenAIServer:
    """Do one thing where a chain is to be chosen, and answer everything else."""

    def otherwise(body: Mapping[str, Any]) -> Act:
        if body["model"] == "small-model":
            asked.append(body)
            return act
        return Says("answer")

    return OpenAIServer(otherwise=otherwise)


async def chosen(act: Act, words: str = "fix my loop") -> tuple[str, list[Mapping[str, Any]]]:
    """Give the chain that answered, and what was asked to choose it."""
    asked: list[Mapping[str, Any]] = []
    async with choosing(act, asked) as server:
        small = {"model": "small-model", "base_url": server.base_url, "max_retries": 0}
        async with open_chains_harness(server.base_url, catalog=CATALOG, models={"small": small}) as it:
            return remembered(await it.outcome(words)).provenance.chain, asked


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        pytest.param(Says('{"chain": "code"}'), "code", id="the model chooses"),
        pytest.param(
            Says('<think>{"chain": "translator"}</think>```json\n{"chain": "code"}\n```'), "code", id="at length"
        ),
        pytest.param(Says('{"chain": ""}'), "default", id="it is not sure"),
        pytest.param(Says('{"chain": "private"}'), "default", id="a chain for others"),
        pytest.param(Says('{"chain": "gone"}'), "default", id="a chain that is not there"),
        pytest.param(Says('{"chain": 7}'), "default", id="no name"),
        pytest.param(Says("code"), "default", id="no JSON"),
        pytest.param(Says("{chain}"), "default", id="almost JSON"),
        pytest.param(Says("{" * 40_000), "default", id="braces without end"),
        pytest.param(Says('{"chain":' * 20_000 + "}"), "default", id="too deep for a parser"),
        pytest.param(Fails(500), "default", id="a failure"),
        pytest.param(Breaks(), "default", id="no answer"),
    ],
)
async def test_the_chain_is_the_chosen_one_or_the_channels_own(act: Act, expected: str) -> None:
    chain, _ = await chosen(act)

    assert expected == chain


async def test_the_model_is_asked_for_an_object_and_told_of_what_is_for_the_person() -> None:
    _, (asked,) = await chosen(Says("{}"))

    assert ({"type": "json_object"}, 0) == (asked["response_format"], asked["temperature"])
    system, user = (message["content"] for message in asked["messages"])
    assert '- "code": about programs' in system
    assert "private" not in system
    assert "fix my loop" == user


async def test_a_command_asks_nobody() -> None:
    chain, asked = await chosen(Says('{"chain": "code"}'), "@translate hello")

    assert ("translator", []) == (chain, asked)


def test_a_chain_that_cannot_be_handed_to_is_told_and_the_rest_works() -> None:
    made = build_catalog({"default": OWN}, previous={}, check=accept_all, reserved=(), problems=())

    assert ("default",) == made.names
    assert "chain 'default': hands_to: there is no chain 'code'; there are default" == made.problems[0]


class AbsentBudget(Budget):
    """What was spent cannot be read."""

    def __init__(self) -> None:
        return

    async def acquire(self, model: str, ask: AnswerRequest) -> str | Outcome:  # noqa: ARG002 -- as its base
        raise TryAgain("the database is away")


async def test_a_database_that_is_away_chooses_no_chain_and_puts_the_turn_off() -> None:
    models = ModelRegistry(Settings(), ZH)
    with pytest.raises(TryAgain):
        await ChainClassifier(models, AbsentBudget()).classify(ask("fix my loop"), "fix my loop", CATALOG)
