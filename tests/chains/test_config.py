"""Chains as files."""

import re
from pathlib import Path

import pytest

from chains.config import ChainBook, ChainConfig, chain_of, read_chain
from chains.router import open_chains
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.settings import Settings
from tests.chains.house import CountingStopper, RecentMemory


def written(folder: Path, text: str, name: str = "sales.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_shipped_chain_is_complete() -> None:
    chain = ChainBook.read().chain("default")

    assert "webot" in chain.system_prompt
    assert ("default", None, None) == (chain.model, chain.turns, chain.idle_minutes)


def test_a_chain_is_named_by_its_file(tmp_path: Path) -> None:
    chain = read_chain(written(tmp_path, 'system_prompt = "Sell."\nturns = 3\n'))

    assert ChainConfig(name="sales", system_prompt="Sell.", turns=3) == chain


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("turn = 3", "turn: no such key; there are name, description, model, system_prompt", id="a typo"),
        pytest.param('turns = "3"', "turns: found '3'; input should be a valid integer", id="text for a number"),
        pytest.param("turns = -1", "turns: found -1; input should be greater than or equal to 0", id="too small"),
        pytest.param("turns = 5000", "turns: found 5000; input should be less than or equal to 1000", id="too great"),
        pytest.param("model = 4", "model: found 4; input should be a valid string", id="a number for text"),
        pytest.param('name = "other"', "name: found 'other', the file's own name says 'sales'", id="another name"),
        pytest.param("turns = ", "not TOML in UTF-8: Invalid value (at end of document)", id="not TOML"),
    ],
)
def test_a_chain_that_cannot_be_used_says_where_and_what(tmp_path: Path, text: str, complaint: str) -> None:
    file = written(tmp_path, text)

    with pytest.raises(ChainInvalid, match=re.escape(f"{file}: {complaint}")):
        read_chain(file)


def test_a_file_in_another_encoding_says_so(tmp_path: Path) -> None:
    file = tmp_path / "sales.toml"
    file.write_bytes('system_prompt = "你好"'.encode("gb18030"))

    with pytest.raises(ChainInvalid, match="not TOML in UTF-8"):
        read_chain(file)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ChainInvalid) as raised:
        chain_of({"name": "a", "turn": 1, "turns": "x"}, source="the form")

    assert 2 == len(str(raised.value).splitlines())
    assert all(line.startswith("the form: ") for line in str(raised.value).splitlines())


def test_a_revision_names_the_content_and_nothing_else(tmp_path: Path) -> None:
    one = read_chain(written(tmp_path, 'turns = 3\nsystem_prompt = "你好"', "one.toml"))
    same = read_chain(written(tmp_path, '# a comment\nsystem_prompt = "你好"\nturns = 3\nmodel = "default"', "b.toml"))
    other = read_chain(written(tmp_path, 'turns = 3\nsystem_prompt = "你好 "', "c.toml"))

    assert re.fullmatch(r"[0-9a-f]{12}", one.revision)
    assert one.revision == same.revision
    assert one.revision != other.revision


def test_a_revision_is_the_same_in_every_release() -> None:
    assert "fcb2eea236ca" == ChainConfig(name="x", turns=3, system_prompt="你好").revision


def test_an_unknown_chain_names_the_known_ones(tmp_path: Path) -> None:
    written(tmp_path, "", "hr.toml")
    book = ChainBook.read(written(tmp_path, "").parent)

    with pytest.raises(ChainInvalid, match="no chain 'it'; there are hr, sales"):
        book.chain("it")


def test_a_channel_cannot_name_a_chain_that_is_not_there() -> None:
    settings = Settings.model_validate({"channels": {"hr": {"chain": "personnel"}}})

    with pytest.raises(SettingsInvalid, match=r"\[channels.hr\].chain: found 'personnel', there are default"):
        open_chains(settings, memory=RecentMemory(), stopper=CountingStopper())


def test_a_chain_cannot_name_a_model_that_is_not_there() -> None:
    book = ChainBook({"default": ChainConfig(name="default", model="big")})

    with pytest.raises(ChainInvalid, match="chain 'default': model: found 'big', there are default"):
        open_chains(Settings(), memory=RecentMemory(), stopper=CountingStopper(), book=book)
