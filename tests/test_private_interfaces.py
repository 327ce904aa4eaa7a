"""Private interfaces of libraries are as they were when we last read them; `private_interfaces.toml` lists them."""

import hashlib
import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from tests.test_frozen_values import ROOT, modules

LISTED = tomllib.loads((Path(__file__).parent / "private_interfaces.toml").read_text())["interface"]
SKIPPED = re.compile(r"SLF001|type: ignore\[(override|union-attr)\]")


def digest(name: str) -> str:
    """Return the digest of an interface's source; it says what is gone where it is not there."""
    module, _, path = name.partition(":")
    found: object = importlib.import_module(module)
    for each in path.split("."):
        found = inspect.getattr_static(found, each)
    for wrapped in ("fget", "func", "__func__"):
        found = getattr(found, wrapped, found)
    return hashlib.sha256(inspect.getsource(found).encode()).hexdigest()[:16]  # type: ignore[arg-type] # a class or function


@pytest.mark.parametrize("interface", LISTED, ids=lambda interface: interface["name"])
def test_an_upgrade_has_not_changed_it(interface: dict[str, str]) -> None:
    assert interface["source"] == digest(interface["name"]), f"read it again, and {interface['used_in']}"


@pytest.mark.parametrize("interface", LISTED, ids=lambda interface: interface["name"])
def test_it_is_used_where_the_list_says(interface: dict[str, str]) -> None:
    words = re.split(r"[.:]", interface["name"])
    text = (ROOT / interface["used_in"]).read_text()

    assert words[0] in text
    assert interface["why"].endswith(".")


def test_whoever_silences_the_checks_of_a_library_is_listed() -> None:
    listed = {interface["used_in"] for interface in LISTED}
    silenced = {path for path, _ in modules() if SKIPPED.search((ROOT / path).read_text())}

    assert set() == silenced - listed
