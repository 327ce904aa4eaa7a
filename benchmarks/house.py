"""Print how the code is laid out: modules, floors and arrows of each folder, names used twice, one-importer modules.

    python -m benchmarks.house

An arrow is an import of one file by another in the same top folder, or of one room by another; floors are the lengths
of the longest chains of such arrows.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOPS = ("pipeline", "adapters", "chains", "storage", "exports", "web")

# One-file plug-ins may share the name of what they drive; their folders grow without bound.
PLUGINS = (
    "adapters.simulator",
    "chains.commands",
    "chains.tools",
    "storage.migrations.versions",
    "web.commands",
    "web.console",
    "web.doctor",
)


@dataclass(frozen=True)
class Module:
    """A module of ours, parsed."""

    name: str
    tree: ast.Module
    lines: int

    @property
    def stem(self) -> str:
        """Return the last part of its name."""
        return self.name.rpartition(".")[2]

    @property
    def folder(self) -> str:
        """Return the package it is in."""
        return self.name.rpartition(".")[0]

    @property
    def is_plugin(self) -> bool:
        """Whether it is a one-file plug-in."""
        return any(self.folder == each or self.folder.startswith(f"{each}.") for each in PLUGINS)


def modules() -> dict[str, Module]:
    """Return every module of the source by its name, packages' own files left out."""
    found = {}
    for top in TOPS:
        for path in sorted((ROOT / top).rglob("*.py")):
            if path.name != "__init__.py":
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                text = path.read_text(encoding="utf-8")
                found[name] = Module(name, ast.parse(text), text.count("\n"))
    return found


def imports(found: Mapping[str, Module]) -> dict[str, set[str]]:
    """Return which of our modules each module imports, those for type checkers included."""
    return {name: set(_imported(module.tree)) & found.keys() - {name} for name, module in found.items()}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def public_classes(found: Iterable[Module]) -> dict[str, list[str]]:
    """Return the modules that define each public class name."""
    names = defaultdict(list)
    for module in found:
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names[node.name].append(module.name)
    return names


def floors(arrows: Mapping[str, set[str]]) -> int:
    """Return how many floors a graph has; names in a circle stand on one floor."""
    levels: dict[str, int] = {}

    def level(name: str, above: tuple[str, ...] = ()) -> int:
        if name in levels:
            return levels[name]
        below = [level(each, (*above, name)) for each in arrows.get(name, ()) if each not in above and each != name]
        levels[name] = 1 + max(below, default=0)
        return levels[name]

    return max((level(name) for name in arrows), default=0)


def rooms(arrows: Mapping[str, set[str]], top: str) -> dict[str, set[str]]:
    """Return the arrows between the rooms of a folder; a module outside any room is one by itself."""
    out: dict[str, set[str]] = {}
    for name, others in arrows.items():
        if name.startswith(f"{top}."):
            room = ".".join(name.split(".")[:2])
            near = {".".join(each.split(".")[:2]) for each in others if each.startswith(f"{top}.")}
            out.setdefault(room, set()).update(near - {room})
    return out


def main() -> None:
    """Print the table."""
    found = modules()
    arrows = imports(found)
    print("folder     files largest floors arrows | rooms floors arrows")
    for top in TOPS:
        names = [name for name in found if name.startswith(f"{top}.")]
        mine = {name: {each for each in arrows[name] if each.startswith(f"{top}.")} for name in names}
        between = rooms(arrows, top)
        largest = max(Counter(found[name].folder for name in mine).values())
        counts = (len(mine), largest, floors(mine), sum(map(len, mine.values())))
        print(
            f"{top:10} {counts[0]:5} {counts[1]:7} {counts[2]:6} {counts[3]:6} | "
            f"{len(between):5} {floors(between):6} {sum(map(len, between.values())):6}"
        )
    twice = [name for name, homes in public_classes(found.values()).items() if len(homes) > 1]
    stems = Counter((name.split(".")[0], module.stem) for name, module in found.items() if not module.is_plugin)
    importers = Counter(each for others in arrows.values() for each in others)
    small = [name for name, module in found.items() if importers[name] == 1 and module.lines < 40]
    print(f"public class names used twice: {len(twice)} {', '.join(sorted(twice))}")
    print(f"module names used twice in a folder: {sum(count > 1 for count in stems.values())}")
    print(f"modules under 40 lines that one other imports: {len(small)} {', '.join(small)}")


if __name__ == "__main__":
    main()
