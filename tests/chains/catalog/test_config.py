"""Chains as files."""

import re
from pathlib import Path
from typing import Any

import pytest

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import SHIPPED, SHIPPED_IN, ChainConfig, chain_of, read_chain
from chains.router import open_chains
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.settings import Settings
from tests.chains.harness import CountingStopper, RecentMemory, catalog_of

WORDS = {"description", "system_prompt", "template", "welcome", "examples", "cases"}
"""The keys of a chain that are written in a language."""


def written(folder: Path, text: str, name: str = "sales.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_shipped_chain_is_complete() -> None:
    chain = read_chain(SHIPPED / "default.toml")

    assert "webot" in chain.system_prompt
    assert ("default", None, None) == (chain.model, chain.turns, chain.idle_minutes)


def test_the_shipped_chains_are_in_both_languages_with_the_same_names_commands_and_limits() -> None:
    chinese, english = (
        {file.stem: read_chain(file).model_dump(exclude=WORDS) for file in sorted(folder.glob("*.toml"))}
        for folder in (SHIPPED_IN["zh"], SHIPPED_IN["en"])
    )

    assert chinese == english
    assert not any("\u4e00" <= sign <= "\u9fff" for sign in read_chain(SHIPPED_IN["en"] / "default.toml").system_prompt)


def test_a_chain_is_named_by_its_file(tmp_path: Path) -> None:
    chain = read_chain(written(tmp_path, 'system_prompt = "Sell."\nturns = 3\n'))

    assert ChainConfig(name="sales", system_prompt="Sell.", turns=3) == chain


WHOLE = '''
description = "翻译"
command = "@translate"
aliases = ["@翻译"]
keywords = ["翻译一下"]
hands_to = ["code"]
chooser = "default"
channels = ["wecom"]
users = ["alice"]
welcome = "你好，{{ user }}"
model = "default"
system_prompt = """
今天是 {{ date }}。
"""
template = "译：{{ text }}"
turns = 3
tokens = 2000
idle_minutes = 5
tools = ["draw_picture"]
spoken = "to_voice"
answer_format = "text"

[options]
temperature = 0.2

[[examples]]
user = "你好"
assistant = "Hello"

[[cases]]
input = "你好"
contains = ["hello"]
not_contains = ["你好"]
matches = "^H"
rubric = "Is it English?"
'''


def test_a_chain_may_say_all_of_this(tmp_path: Path) -> None:
    chain = read_chain(written(tmp_path, WHOLE))

    assert set(ChainConfig.model_fields) - {"name"} == chain.model_fields_set - {"name"}
    assert ("@translate", "@翻译") == chain.words
    assert {"temperature": 0.2} == chain.options
    assert ("Hello", "Is it English?") == (chain.examples[0].assistant, chain.cases[0].rubric)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("turn = 3", "1: turn: no such key; did you mean 'turns'? there are name, descr", id="a typo"),
        pytest.param('\n\nturns = "3"', '3: turns: found "3"; needs a whole number', id="text for a number"),
        pytest.param("turns = -1", "1: turns: found -1; needs 0 or more", id="too small"),
        pytest.param("turns = 5000", "1: turns: found 5000; needs 1000 or less", id="too great"),
        pytest.param("model = 4", "1: model: found 4; needs text in quotes", id="a number for text"),
        pytest.param('keywords = "a"', '1: keywords: found "a"; needs a list', id="text for a list"),
        pytest.param('keywords = [" "]', "1: keywords.1: is empty", id="an empty keyword"),
        pytest.param('answer_format = "xml"', '1: answer_format: found "xml"; needs', id="an unknown choice"),
        pytest.param('command = "translate"', "1: command: found 'translate'; needs an @", id="a command without @"),
        pytest.param('command = "@a b"', "1: command: found '@a b'; needs an @ and one word", id="two words"),
        pytest.param('name = "other"', "1: name: found 'other', the file's own name says 'sales'", id="another name"),
        pytest.param("turns = ", "1: not TOML: Invalid value; text stands in", id="not TOML at the end"),
        pytest.param("\nturns = = 3\n", "2: not TOML: Invalid value; text stands in", id="not TOML in the middle"),
        pytest.param(
            "[[cases]]\ninput = 'a'\nrubric = 'b'\n\n[[cases]]\ninput = 'a'\nruBric = 'b'",
            "7: cases.2.ruBric: no such key; did you mean 'rubric'? there are input, contains",
            id="a typo in the second case",
        ),
        pytest.param("[[cases]]\ninput = 'a'", "1: cases.1: says nothing about the answer", id="a case without a wish"),
        pytest.param("[[examples]]\nuser = 'a'", "1: examples.1.assistant: is missing", id="half an example"),
        pytest.param(
            "[[cases]]\ninput='a'\nmatches='('", "3: cases.1.matches: found '('; not a regular", id="a pattern"
        ),
        pytest.param('welcome = "{{ nmae }}"', "1: welcome: no variable 'nmae'", id="an unknown variable"),
        pytest.param(
            'welcome = "{{ text }}"', "1: welcome: no variable 'text'", id="the question outside the template"
        ),
        pytest.param('template = "hello"', "1: template: needs {{ text }}", id="a template that drops the question"),
        pytest.param(
            'turns = 3\nsystem_prompt = """\none\ntwo {{ dat }}\n"""',
            "4: system_prompt: no variable 'dat'; did you mean 'date'? there are user, channel",
            id="a variable in a longer text",
        ),
        pytest.param('aliases = ["@a"]', "aliases belong to a command", id="aliases of nothing"),
    ],
)
def test_a_chain_that_cannot_be_used_says_where_and_what(tmp_path: Path, text: str, complaint: str) -> None:
    file = written(tmp_path, text)

    with pytest.raises(ChainInvalid) as raised:
        read_chain(file)
    assert str(raised.value).startswith(f"{file}:")
    assert complaint in str(raised.value)


def test_a_file_in_another_encoding_says_so(tmp_path: Path) -> None:
    file = tmp_path / "sales.toml"
    file.write_bytes('system_prompt = "你好"'.encode("gb18030"))

    with pytest.raises(ChainInvalid, match="not UTF-8; save the file again"):
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


def test_an_unknown_chain_names_the_known_ones() -> None:
    catalog = ChainCatalog({name: ChainConfig(name=name) for name in ("sales", "hr")})

    with pytest.raises(ChainInvalid, match="no chain 'it'; there are hr, sales"):
        catalog.chain("it")


def test_a_channel_cannot_name_a_chain_that_is_not_there() -> None:
    settings = Settings.model_validate({"channels": {"hr": {"chain": "personnel"}}})

    with pytest.raises(SettingsInvalid, match=r"\[channels.hr\].chain: found 'personnel', there are code, default"):
        open_chains(settings, memory=RecentMemory(), stopper=CountingStopper())


@pytest.mark.parametrize(
    ("chain", "complaint"),
    [
        pytest.param({"model": "big"}, "model: found 'big', there are default", id="a model that is not there"),
        pytest.param({"chooser": "big"}, "chooser: found 'big', there are default", id="a chooser that is not there"),
        pytest.param({"channels": ("hr",)}, "channels: found 'hr', there are wecom", id="a channel that is not there"),
        pytest.param({"options": {"stream": True}}, "options.stream: webot sets this itself", id="our own option"),
        pytest.param(
            {"command": "@ＨＥＬＰ"},
            "command, aliases: '@ＨＥＬＰ' is already a command of webot itself",
            id="our word",
        ),
    ],
)
def test_a_chain_that_cannot_work_here_is_refused_where_a_channel_needs_it(
    chain: dict[str, Any], complaint: str
) -> None:
    catalog = ChainCatalog({"default": ChainConfig(name="default", **chain)})

    with pytest.raises(SettingsInvalid) as raised:
        open_chains(Settings(), memory=RecentMemory(), stopper=CountingStopper(), read_catalog=catalog_of(catalog))
    assert f"chain 'default': {complaint}" in str(raised.value)
