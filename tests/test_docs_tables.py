"""Tables of the docs that list what the code has: tools, keys, variables, formats, verbs. Each has a row for each."""

import re
import tomllib
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

import pytest

import chains.tools
import web.commands
from chains.catalog.config import Case, ChainConfig, Example
from chains.catalog.templates import TEXT, VARIABLES
from chains.commands import all_commands
from chains.models.openai.adaptations import Adaptation
from exports.formats import FORMAT_TRAITS
from pipeline.text.i18n import Catalogue, Language
from web.commands import chains as chains_verb
from web.console.navigation import NAVIGATION

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
READMES = ["README.md", "README.zh-CN.md"]
TOOLS = [import_module(f"chains.tools.{file.stem}").NAME for file in Path(chains.tools.__path__[0]).glob("[!_]*.py")]
TABLES = [
    pytest.param("chains", {"key", "键"}, ChainConfig.model_fields, id="what a chain says"),
    pytest.param("chains", {"key", "键"}, Example.model_fields, id="what an example says"),
    pytest.param("chains", {"key", "键"}, Case.model_fields, id="what a case says"),
    pytest.param("chains", {"tool", "工具"}, TOOLS, id="tools"),
    pytest.param("chains", {"variable", "变量"}, [*VARIABLES, TEXT], id="variables"),
    pytest.param("chains", {"command", "命令"}, chains_verb.command.commands, id="verbs of chains"),
    pytest.param("exports", {"format", "格式"}, FORMAT_TRAITS, id="formats"),
    pytest.param("model-servers", {"part", "部分"}, list(Adaptation), id="parts a server refuses"),
]


def tables(page: Path) -> list[tuple[str, set[str]]]:
    """Give the heading of the first column of each table, and the names in code that stand below it."""
    found = re.findall(r"^\| ([^|]*) \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [(head, re.findall(r"^\| ((?:`[^`]+`|[^|`])+) \|", rows, re.MULTILINE)) for head, rows in found]
    return [(head, {name(each) for cell in below for each in re.findall("`([^`]+)`", cell)}) for head, below in cells]


def name(written: str) -> str:
    """Give what is named, without quotes, braces, arguments, and the verb's group."""
    bare = written.strip('{}" ').removeprefix("webot chains ")
    return "" if bare.startswith("mcp.") else bare.split(" ")[0]


@pytest.mark.parametrize("language", ["", ".zh-CN"], ids=["en", "zh"])
@pytest.mark.parametrize(("page", "heads", "there_are"), TABLES)
def test_a_table_has_a_row_for_each_and_none_for_what_is_not(
    page: str, heads: Collection[str], there_are: Collection[str], language: str
) -> None:
    listed = [names - {""} for head, names in tables(DOCS / f"{page}{language}.md") if head in heads]

    assert set(there_are) in listed


@pytest.mark.parametrize("page", READMES)
def test_the_readme_lists_no_verb_and_no_command_that_is_not_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    verbs = set(re.findall(r"^\| `webot ([a-z-]+)", text, re.MULTILINE))
    commands = set(re.findall(r"^\| `(@[a-z-]+)", text, re.MULTILINE))

    assert {file.stem.replace("_", "-") for file in Path(web.commands.__path__[0]).glob("[!_]*.py")} == verbs
    assert {command.name for command in all_commands()} == commands


@pytest.mark.parametrize("page", READMES)
def test_the_readme_names_the_commands_of_every_chain_there_is(page: str) -> None:
    shipped = [tomllib.loads(file.read_text(encoding="utf-8")) for file in (ROOT / "chains/configs").glob("*.toml")]
    text = (ROOT / page).read_text(encoding="utf-8")

    assert [] == [chain["command"] for chain in shipped if "command" in chain and f"`{chain['command']}`" not in text]


@pytest.mark.parametrize(("page", "language"), [("console.md", "en"), ("console.zh-CN.md", "zh")])
def test_the_page_on_the_console_lists_and_describes_each_of_its_pages(page: str, language: Language) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    named = [Catalogue(language).text(f"console.nav_{entry.key}") for entry in NAVIGATION]
    rows = re.findall(r"^\| \[([^\]]+)\]\(#", text, re.MULTILINE)
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert [] == [each for each in zip(named, rows, strict=True) if each[0] not in each[1]]
    assert set() == set(rows) - set(sections)


@pytest.mark.parametrize(("page", "language"), [("chains.md", "en"), ("chains.zh-CN.md", "zh")])
def test_the_page_on_chains_names_each_column_of_a_history(page: str, language: Language) -> None:
    (row,) = re.findall(r"^\| `webot chains history .*$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    heads = [Catalogue(language).text(f"chains.head_{each}") for each in ("revision", "from", "author", "note")]

    assert [] == [head for head in heads if head not in row]
