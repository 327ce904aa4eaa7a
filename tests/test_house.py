"""Holds the layout to its rules: names that mean one thing, folders of a size, docstrings in plain words."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks.house import PLUGINS, ROOT, TOPS, Module, modules, public_classes

MOST_MODULES = 16
MOST_LINES = 400
SHORTEST_WAIT = 30
"""Seconds that a wait which only guards against hanging is given at least."""

# How docstrings opened before: each has a plain word in its place ("Return …", "Whether …", "Close …").
OLD_DIALECT = (
    "Give ",
    "Gives ",
    "Say ",
    "Says ",
    "Tell the one ",
    "Let go of ",
    "Somebody ",
    "Whoever ",
    "Those who ",
    "Hear out ",
    "One who ",
    "Who is at work ",
    "Who comes in ",
)


@pytest.fixture(scope="module")
def found() -> Mapping[str, Module]:
    return modules()


# What the docstring of a function does not open with: it says what the function does, in a verb that names it.
NO_VERB = ("A ", "How ", "Of ", "The ", "What ", "When ", "Where ", "Who ", "`")
RIDDLES = ("Have ", "Hold ", "Know ", "Let ", "Meet ", "Part ", "Rest ", "See ", "Stand ", "Strike ", "Tell ")

# Names of the old dialect; in their place stand words of the field.
OLD_NAMES = {
    "bell",
    "book",
    "desk",
    "door",
    "ear",
    "governor",
    "house",
    "keeper",
    "means",
    "painter",
    "parley",
    "pen",
    "press",
    "shelf",
    "told",
    "toolshed",
    "town",
    "workshop",
}


def test_no_public_class_name_stands_twice(found: Mapping[str, Module]) -> None:
    twice = {name: homes for name, homes in public_classes(found.values()).items() if len(homes) > 1}

    assert {} == twice


@pytest.mark.parametrize("top", TOPS)
def test_no_module_name_stands_twice_in_a_folder_but_of_plug_ins(found: Mapping[str, Module], top: str) -> None:
    homes = defaultdict(list)
    for name, module in found.items():
        if name.startswith(f"{top}.") and not module.is_plugin:
            homes[module.stem].append(name)

    assert {} == {stem: names for stem, names in homes.items() if len(names) > 1}


def test_no_folder_but_of_plug_ins_holds_more_modules_than_one_reads_at_a_glance(found: Mapping[str, Module]) -> None:
    sizes = Counter(module.folder for module in found.values())

    assert {} == {folder: size for folder, size in sizes.items() if size > MOST_MODULES and folder not in PLUGINS}


def test_no_docstring_opens_in_the_old_dialect(found: Mapping[str, Module]) -> None:
    old = []
    for name, module in found.items():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                if text.startswith(OLD_DIALECT) or (is_function and text.startswith((*NO_VERB, *RIDDLES))):
                    old.append(f"{name}: {text.splitlines()[0]}")

    assert [] == old


def test_no_name_is_of_the_old_dialect(found: Mapping[str, Module]) -> None:
    old = {
        f"{module}: {name}"
        for module, parsed in found.items()
        for name in defined_names(parsed.tree)
        if not OLD_NAMES.isdisjoint(words_of(name))
    }

    assert set() == old


def test_no_name_in_the_tests_is_of_the_old_dialect_but_of_a_test_itself() -> None:
    old = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "tests").rglob("*.py")
        for name in defined_names(ast.parse(path.read_text(encoding="utf-8")))
        if not name.startswith("test_") and not OLD_NAMES.isdisjoint(words_of(name))
    }

    assert set() == old


def test_a_file_is_read_in_one_sitting() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in python_files()}

    assert {} == {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > MOST_LINES}


def test_no_test_is_in_a_hurry_that_fails_on_a_busy_machine() -> None:
    hasty = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and 0 < bound_of_wait(node) < SHORTEST_WAIT
    }

    assert set() == hasty


def python_files() -> Iterator[Path]:
    """Yield the files of the program, its tests and its benchmarks."""
    for top in (*TOPS, "tests", "benchmarks"):
        yield from (ROOT / top).rglob("*.py")


def bound_of_wait(call: ast.Call) -> float:
    """Return the seconds after which `asyncio.timeout` or `asyncio.wait_for` gives up, 0 where that is no number."""
    match ast.unparse(call.func), call.args:
        case ("asyncio.timeout", [ast.Constant(float() | int() as seconds)]):
            return seconds
        case ("asyncio.wait_for", [_, ast.Constant(float() | int() as seconds)]):
            return seconds
        case _:
            return 0


def words_of(name: str) -> Sequence[str]:
    """Return the words of a name, in small letters: of `ExportKeeper` as of `export_keeper`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().split("_")


def defined_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module gives to variables, parameters, functions and attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Store()) | ast.arg(name) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case _:
                pass
