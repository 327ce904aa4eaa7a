"""What is declared frozen is frozen: nothing in it can be changed, by its class or by those who hold it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("adapters", "chains", "exports", "pipeline", "storage", "web")
MUTABLE = re.compile(r"^(dict|list|set|bytearray|deque|Counter|OrderedDict|defaultdict)\b")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text())


def mutable_fields(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and any("frozen=True" in ast.unparse(each) for each in node.decorator_list):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and MUTABLE.match(ast.unparse(field.annotation).strip("'")):
                    yield f"{node.name}.{ast.unparse(field.target)}"


def test_no_frozen_value_has_a_field_that_can_be_changed() -> None:
    found = [f"{path}: {field}" for path, module in modules() for field in mutable_fields(module)]

    assert [] == found


def test_nobody_writes_past_a_frozen_value() -> None:
    found = [path for path, module in modules() if "object.__setattr__" in ast.unparse(module)]

    assert [] == found
