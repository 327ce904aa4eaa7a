"""Answers that are to be JSON: a block around them is left out, and what is none is asked for once more."""

import pytest

from chains.catalog.config import ChainConfig
from chains.models.parsing.json_answer import json_of
from tests.chains.harness import open_chains_harness
from tests.fakes.openai_server import OpenAIServer, Says

AS_JSON = ChainConfig(name="default", answer_format="json")
VALUE = '{"a": [1]}'
FENCED = f"```json\n{VALUE}\n```"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (VALUE, VALUE),
        (f" {VALUE}\n", VALUE),
        (FENCED, VALUE),
        (f"```\n{VALUE}\n```", VALUE),
        (f"```JSON\n{VALUE}\n```", VALUE),
        (f"好的：\n{FENCED}\n请看。", VALUE),
        ("[]", "[]"),
        ("no", ""),
        ("7", ""),
        ('{"a": ', ""),
        (f"{FENCED}\n{FENCED}", ""),
        ("", ""),
    ],
)
def test_json_is_found_in_what_stands_around_it(said: str, expected: str) -> None:
    assert expected == json_of(said)


@pytest.mark.parametrize("said", [VALUE, FENCED, f"好的：\n{FENCED}"])
async def test_json_comes_in_one_block(server: OpenAIServer, said: str) -> None:
    server.script(Says(said))
    async with open_chains_harness(server.base_url, chain=AS_JSON) as it:
        assert FENCED == await it.said("你好")

    assert 1 == len(server.bodies)


@pytest.mark.parametrize(("second", "expected"), [(VALUE, FENCED), ("还是不行", "还是不行")])
async def test_what_is_no_json_is_asked_for_once_more(server: OpenAIServer, second: str, expected: str) -> None:
    server.script(Says("不行"), Says(second))
    async with open_chains_harness(server.base_url, chain=AS_JSON) as it:
        assert expected == await it.said("你好")

    first, again = (body["messages"] for body in server.bodies)
    assert [*first, {"role": "assistant", "content": "不行"}] == again[:-1]
