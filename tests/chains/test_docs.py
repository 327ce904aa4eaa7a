"""The pages for prompt engineers say what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from chains.catalog.config import Case, ChainConfig, ChainTable, Example, parse_chain
from chains.catalog.templates import FILTERS, TEXT, VARIABLES
from web.commands import chains as verb

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["chains.md", "chains.zh-CN.md"]


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_every_key_is_in_its_table_and_no_other(name: str) -> None:
    whole = page(name)
    parts: list[tuple[str, type[ChainTable]]] = [
        (r"\| `name` \|.*?\n\n", ChainConfig),
        (r"\| `user` \|.*?\n\n", Example),
        (r"\| `input` \|.*?\n\n", Case),
    ]
    for pattern, model in parts:
        (table,) = re.findall(pattern, whole, re.DOTALL)

        assert list(model.model_fields) == first_cells(table)


@pytest.mark.parametrize("name", PAGES)
def test_every_variable_and_filter_is_there(name: str) -> None:
    cells = first_cells(page(name))

    assert [f"{{{{ {variable} }}}}" for variable in (*VARIABLES, TEXT)] == [cell for cell in cells if "{{" in cell]
    assert all(f"`{name_of_filter}`" in page(name) for name_of_filter in FILTERS)


@pytest.mark.parametrize("name", PAGES)
def test_every_verb_is_there(name: str) -> None:
    verbs = {cell.split()[2] for cell in first_cells(page(name)) if cell.startswith("webot chains")}

    assert set(verb.command.commands) == verbs


@pytest.mark.parametrize("name", PAGES)
def test_the_example_of_the_page_can_be_used(name: str) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", page(name), re.DOTALL)
    text = re.sub(r"^   ", "", example, flags=re.MULTILINE)

    assert "@hr" == tomllib.loads(text)["command"]
    assert 1 == len(parse_chain(text, name="hr", source=name).cases)
