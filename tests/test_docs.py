import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

import web.commands
from pipeline.settings import ChannelTable, Settings
from web.kinds import KINDS
from web.manual import docstrings, manual
from web.schema import model_in

ROOT = Path(__file__).parents[1]
SETTINGS = (ROOT / "settings.toml").read_text(encoding="utf-8")
VERBS = sorted(file.stem.replace("_", "-") for file in Path(web.commands.__path__[0]).glob("[!_]*.py"))


def models() -> Iterator[tuple[str, type[BaseModel]]]:
    """Give each table of settings.toml, `channels.wecom` as that of its kind, with its model."""
    for name, field in Settings.model_fields.items():
        if get_origin(field.annotation) is not dict:
            model = model_in(field.annotation)
            assert model is not None
            yield name, model
        elif get_args(field.annotation)[1] is ChannelTable:
            yield from ((f"{name}.wecom", model) for model in (ChannelTable, KINDS["wecom_app"]))
        else:
            yield from ((f"{name}.{each}", get_args(field.annotation)[1]) for each in ("default", "image"))


KEYS = [(table, key) for table, model in models() for key in model.model_fields]


@pytest.mark.parametrize(("table", "key"), KEYS, ids=lambda part: part)
def test_every_setting_is_in_the_committed_file(table: str, key: str) -> None:
    here = tomllib.loads(SETTINGS)
    for part in table.split("."):
        here = here[part]

    assert key in here


@pytest.mark.parametrize(("table", "key"), KEYS, ids=lambda part: part)
def test_every_setting_is_in_the_manual(table: str, key: str) -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    head = re.sub(r"\.\w+", ".<name>", table)
    (section,) = re.findall(rf"^## `\[{re.escape(head)}\].*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)

    assert f"| `{key}` |" in section


def test_every_key_of_the_committed_file_is_explained_there() -> None:
    # The second model's keys are the first one's, and the second of a pair shares its comment.
    explained_above = SETTINGS.partition("[models.image]\n")[2].partition("\n#")[0].split("\n")
    bare = [
        line
        for before, line in pairwise(SETTINGS.split("\n"))
        if re.match(r"\w+ = ", line) and not before.startswith(("#", "previous_")) and line not in explained_above
    ]

    assert [] == bare


def test_the_manual_is_what_the_code_says() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert manual() == written, "make docs puts this right"


@pytest.mark.parametrize(("table", "model"), list(models()), ids=lambda part: part if isinstance(part, str) else "")
def test_every_setting_says_in_the_code_what_it_is(table: str, model: type[BaseModel]) -> None:
    assert set(model.model_fields) <= set(docstrings(model)), table


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme(verb: str, page: str) -> None:
    assert f"webot {verb}" in (ROOT / page).read_text(encoding="utf-8")
