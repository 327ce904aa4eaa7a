"""TOML that Python itself fails of is refused as any other mistake is, wherever it is read."""

import tomllib
from pathlib import Path

import pytest

from chains.catalog.config import parse_chain
from chains.persona_library import personas
from pipeline.errors import ChainInvalid, SettingsInvalid
from pipeline.text.i18n import Catalogue, in_language
from pipeline.text.toml_syntax import DEEPEST, parse_toml
from web.operator.models.model_values import read_option, read_options
from web.settings.language import shell_language
from web.settings.loading import load_settings

BEYOND = {
    "digits without end": "9" * 5_000,
    "digits without end, parted": "1_" * 5_000 + "1",
    "minus and digits without end": "-" + "1" * 5_000,
    "digits without end in a list": "[1, " + "7" * 5_000 + "]",
    "lists in lists": "[" * 5_000 + "]" * 5_000,
    "lists in lists that Python reads": "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
    "tables in tables": "{a=" * 400 + "1" + "}" * 400,
    "a dotted key in a table": "{" + ".".join("a" * 500) + "=1}",
    "lists in tables in lists": "[{a=" * 200 + "1" + "}]" * 200,
}

every = pytest.mark.parametrize("value", BEYOND.values(), ids=BEYOND)


@every
def test_it_is_no_toml_and_its_line_is_told(value: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="at line 3"):
        parse_toml(f"a = 1\n\nb = {value}\nc = 2\n")


@every
def test_settings_are_refused_by_file_and_line(value: str, tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_text(f"[chat]\nturns = {value}\n")
    with pytest.raises(SettingsInvalid) as refused:
        load_settings(tmp_path, {})

    (problem,) = refused.value.problems
    assert in_language(problem, Catalogue("en")).startswith("settings.local.toml:2: not TOML: ")
    assert in_language(problem, Catalogue("zh")).startswith("settings.local.toml:2: 不是合法的 TOML：")
    assert "en" == shell_language(tmp_path, {"WEBOT_CHAT__LANGUAGE": "en"})


@every
def test_a_variable_is_refused_by_its_name(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"^WEBOT_CHAT__TURNS: \[chat\] turns: found .*expected a whole number"):
        load_settings(tmp_path, {"WEBOT_CHAT__TURNS": value})


@every
def test_a_chain_is_refused(value: str) -> None:
    with pytest.raises(ChainInvalid, match=r"odd\.toml"):
        parse_chain(f'system_prompt = "a"\nturns = {value}\n', name="odd", source="odd.toml")


@every
def test_a_file_of_personas_is_left_out(value: str, tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text(f"category = {value}\n")

    assert personas() == personas(tmp_path)


@every
def test_options_of_a_model_are_refused(value: str) -> None:
    with pytest.raises(SettingsInvalid):
        read_options(f"a = {value}")

    assert ("a", value) == read_option(f"a={value}")


def test_what_people_write_is_read() -> None:
    nested = "[" * DEEPEST + "]" * DEEPEST

    assert parse_toml(f"a = {'9' * 4_000}\n")["a"] > 1
    assert tomllib.loads(f"a = {nested[1:-1]}") == parse_toml(f"a = {nested[1:-1]}")
