"""What is usable in a chain and yet most likely not meant: each told under its key, and no usable chain without it."""

import pytest

from chains.catalog.advice import advice
from chains.catalog.config import ChainConfig, parse_chain
from chains.catalog.requirements import unmet_requests
from pipeline.events import Person
from pipeline.settings import ModelTable, Settings
from pipeline.text.i18n import Catalogue, in_language

ENGLISH, CHINESE = Catalogue("en"), Catalogue("zh")
A_CASE = '[[cases]]\ninput = "a"\n'
MODEL = 'command = "@x"\n'


def doubts(text: str, settings: Settings | None = None, **others: str) -> list[str]:
    """Return what is said of a chain beside others."""
    chains = {name: parse_chain(said, name=name, source=name) for name, said in {"it": text, **others}.items()}
    said = [wrong for name, wrong in advice(chains) if name == "it"]
    said += unmet_requests(chains["it"], chains, settings or Settings())
    assert all(in_language(each, CHINESE) != in_language(each, ENGLISH) for each in said)
    return [in_language(each, ENGLISH) for each in said]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('command = "@人事："', "command: '@人事：' ends in ：", id="a colon after the command"),
        pytest.param('command = "@hr,"', "command: '@hr,' ends in ,", id="a comma after the command"),
        pytest.param('command = "@x"\naliases = ["@y!"]', "aliases: '@y!' ends in !", id="an alias"),
        pytest.param(
            f'{MODEL}system_prompt = "It is {{date}}."', "system_prompt: {date} goes to the model", id="one brace"
        ),
        pytest.param(f'{MODEL}template = "{{{{ text }}}} {{ user }}"', "template: {user} goes", id="braces and spaces"),
        pytest.param(f'{MODEL}welcome = "Hi {{user}}"', "welcome: {user} goes", id="a welcome"),
        pytest.param(
            f'{MODEL}{A_CASE}contains = ["Wed"]\nnot_contains = ["we"]',
            "cases.1.not_contains: can never pass",
            id="a case that contradicts itself",
        ),
        pytest.param('description = "x"', "command: nobody is answered by this chain", id="nobody's"),
        pytest.param(f'{MODEL}tools = ["draw_picture"]', "tools: draw_picture is not offered", id="nothing draws"),
        pytest.param(f'{MODEL}spoken = "always"', "spoken: nothing is read aloud", id="nothing speaks"),
    ],
)
def test_what_is_most_likely_not_meant_is_said(text: str, expected: str) -> None:
    real = Settings(models={"default": ModelTable(model="m", base_url="http://127.0.0.1:1/v1")})

    (said,) = doubts(text, real)

    assert said.startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('command = "@c#"', id="a sign that is part of a word"),
        pytest.param('command = "@c++"', id="two signs"),
        pytest.param(f'{MODEL}system_prompt = "{{{{date}}}} ${{user}} {{name}} {{\\"user\\": 1}}"', id="other braces"),
        pytest.param(f'{MODEL}{A_CASE}contains = ["we"]\nnot_contains = ["Wed"]', id="a case that can pass"),
        pytest.param('keywords = ["x"]', id="keywords alone"),
        pytest.param(f'{MODEL}tools = ["draw_picture"]', id="the built-in model draws"),
    ],
)
def test_nothing_is_said_of_what_works(text: str) -> None:
    assert [] == doubts(text)


def test_a_chain_is_used_where_a_channel_or_its_chain_names_it() -> None:
    named = Settings.model_validate({"channels": {"wecom": {"kind": "wecom_app", "chain": "front"}}})
    handing = 'hands_to = ["it"]'

    assert [] == doubts('description = "x"', named, front=handing)
    assert doubts('description = "x"', named, back=handing)


def test_a_star_among_users_is_everybody_as_it_is_for_models() -> None:
    chain = ChainConfig(name="it", command="@x", users=("*",))

    assert chain.offered_to(Person("wecom", "zhangsan"))
